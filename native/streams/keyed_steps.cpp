#include "streams/keyed_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace recurra {
namespace {

template <class T>
bool all_finite(const T* values, std::int64_t count) {
  bool all = true;
  for (std::int64_t k = 0; k < count; ++k) {
    all &= std::abs(values[k]) <= std::numeric_limits<T>::max();
  }
  return all;
}

template <class T>
void copy(T* to, const T* from, std::int64_t count) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
}

}  // namespace

template <class T>
KeyedSteps<T>::KeyedSteps(const Plan<T>& plan, const T* const* weights, const T* packed_for_many,
                          const T* packed_for_one, int most_rows)
    : many_(plan, weights,
            Stepper<T>::packing(most_rows) == Packing::one_row ? packed_for_one : packed_for_many,
            most_rows),
      one_(plan, weights, packed_for_one, 1),
      most_rows_(most_rows),
      x_size_(plan.sizes(Space::x).at(0)),
      y_size_(plan.sizes(Space::y).at(0)),
      event_(static_cast<std::size_t>(most_rows)),
      states_(static_cast<std::size_t>(most_rows)) {
  for (const std::int64_t size : plan.sizes(Space::state)) state_size_ += size;
  before_.resize(static_cast<std::size_t>(most_rows * state_size_));
  many_.bind_states(states_.data());
  one_.bind_states(states_.data());
}

template <class T>
void KeyedSteps<T>::run(Batch& batch, const T* xs, T* ys, bool only_finite) {
  sort(batch);
  for (std::size_t k = 0; k < order_.size(); k += static_cast<std::size_t>(most_rows_)) {
    const std::size_t rows = std::min(order_.size() - k, static_cast<std::size_t>(most_rows_));
    run_block(batch, k, static_cast<int>(rows), xs, ys, only_finite);
  }
}

template <class T>
void KeyedSteps<T>::sort(const Batch& batch) {
  order_.resize(batch.keys());
  auto several = order_.begin();
  auto single = order_.end();
  for (auto position = static_cast<std::uint32_t>(batch.keys()); position-- > 0;) {
    *(batch.count(position) > 1 ? several++ : --single) = position;
  }
  std::sort(order_.begin(), several, [&](std::uint32_t a, std::uint32_t b) {
    return batch.count(a) != batch.count(b) ? batch.count(a) > batch.count(b) : a < b;
  });
}

template <class T>
void KeyedSteps<T>::run_block(Batch& batch, std::size_t first, int rows, const T* xs, T* ys,
                              bool only_finite) {
  const std::uint32_t* const keys = &order_[first];
  for (int row = 0; row < rows; ++row) {
    states_[row] = reinterpret_cast<T*>(batch.state(keys[row]));
    event_[row] = batch.first(keys[row]);
  }
  const std::uint32_t most = batch.count(keys[0]);
  for (std::uint32_t done = 0; done < most; ++done) {
    while (batch.count(keys[rows - 1]) <= done) --rows;
    turn(rows == 1 ? one_ : many_, batch, rows, xs, ys, only_finite);
  }
}

// The next event of each of the first rows. Where those lie one after the other, they are read and
// answered in place.
template <class T>
void KeyedSteps<T>::turn(Stepper<T>& stepper, const Batch& batch, int rows, const T* xs, T* ys,
                         bool only_finite) {
  if (only_finite) {
    for (int row = 0; row < rows; ++row)
      copy(before_.data() + row * state_size_, states_[row], state_size_);
  }
  bool in_place = true;
  for (int row = 1; row < rows; ++row) in_place &= event_[row] == event_[row - 1] + 1;
  if (in_place) {
    stepper.step(rows, xs + event_[0] * x_size_, ys + event_[0] * y_size_);
  } else {
    for (int row = 0; row < rows; ++row) {
      copy(stepper.x(0) + row * x_size_, xs + event_[row] * x_size_, x_size_);
    }
    stepper.step(rows);
    for (int row = 0; row < rows; ++row) {
      copy(ys + event_[row] * y_size_, stepper.y(0) + row * y_size_, y_size_);
    }
  }
  for (int row = 0; row < rows; ++row) {
    if (only_finite && !all_finite(ys + event_[row] * y_size_, y_size_)) {
      copy(states_[row], before_.data() + row * state_size_, state_size_);
    }
    event_[row] = batch.next(event_[row]);
  }
}

template class KeyedSteps<float>;
template class KeyedSteps<double>;

}  // namespace recurra
