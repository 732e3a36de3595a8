#include "plan/stepper.h"

#include <algorithm>
#include <utility>

#include "plan/floating_point.h"

namespace recurra {
namespace {

// All stages as one: at a single step there is nothing between them.
template <class T>
Stage joined(const Plan<T>& plan) {
  Stage all{false, {}, {}};
  for (const Stage& stage : plan.stages) {
    for (const Segment& segment : stage.segments) {
      if (!all.segments.empty() && all.segments.back().work == segment.work &&
          all.segments.back().last == segment.first) {
        all.segments.back().last = segment.last;
      } else {
        all.segments.push_back(segment);
      }
    }
  }
  return all;
}

}  // namespace

template <class T>
Stepper<T>::Stepper(const Plan<T>& plan, const T* const* weights, const T* packed, int most_rows)
    : plan_(plan),
      all_(joined(plan)),
      given_(weights, weights + plan.count(Space::weight)),
      xs_(static_cast<std::size_t>(plan.count(Space::x))),
      ys_(static_cast<std::size_t>(plan.count(Space::y))),
      states_(static_cast<std::size_t>(plan.count(Space::state))),
      at_(plan.buffers.size()),
      weights_{given_.data(), packed, packing(most_rows), most_rows >= kFewestTogether} {
  std::size_t bytes = Scratch<T>::bytes(plan, 1) + 8 * Memory::kAlignment;
  for (const Buffer& buffer : plan.buffers) {
    bytes += Memory::rounded(static_cast<std::size_t>(buffer.size * most_rows) * sizeof(T));
  }
  memory_.reserve(bytes);
  for (std::size_t b = 0; b < plan.buffers.size(); ++b) {
    const Buffer& buffer = plan.buffers[b];
    switch (buffer.space) {
      case Space::weight:
        at_[b] = {const_cast<T*>(given_[buffer.index]), 0, nullptr, 0};
        break;
      case Space::constant:
        at_[b] = {const_cast<T*>(plan.constants.data()), 0, nullptr, 0};
        break;
      case Space::weight_grad:
      case Space::tile:
        break;
      default:
        T* piece = memory_.template take<T>(static_cast<std::size_t>(buffer.size * most_rows));
        std::fill_n(piece, buffer.size * most_rows, T(0));
        at_[b] = {piece, buffer.size, nullptr, 0};
        if (buffer.space == Space::x) xs_[buffer.index] = piece;
        if (buffer.space == Space::y) ys_[buffer.index] = piece;
        if (buffer.space == Space::x && buffer.index == 0) x_ = b;
        if (buffer.space == Space::y && buffer.index == 0) y_ = b;
        if (buffer.space == Space::state) states_[buffer.index] = piece;
    }
  }
  scratch_.emplace_back(plan, 1, memory_);
  find_flat(plan, at_.data(), flat_, flat_alone_);
}

template <class T>
void Stepper<T>::step(int rows) {
  const FloatingPointMode mode;
  run_segments(plan_, all_, weights_, at_.data(), 0, rows, flat_.data(), flat_alone_.data(),
               scratch_[0]);
}

template <class T>
void Stepper<T>::step(int rows, const T* x, T* y) {
  at_[x_].base = const_cast<T*>(x);
  at_[y_].base = y;
  step(rows);
  at_[x_].base = xs_[0];
  at_[y_].base = ys_[0];
}

template <class T>
void Stepper<T>::bind_states(T* const* rows) {
  std::vector<std::int64_t> begins = plan_.sizes(Space::state);
  std::int64_t begin = 0;
  for (std::int64_t& each : begins) begin += std::exchange(each, begin);
  for (std::size_t b = 0; b < plan_.buffers.size(); ++b) {
    const Buffer& buffer = plan_.buffers[b];
    if (buffer.space == Space::state) at_[b] = {nullptr, 0, rows, begins[buffer.index]};
  }
  find_flat(plan_, at_.data(), flat_, flat_alone_);
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace recurra
