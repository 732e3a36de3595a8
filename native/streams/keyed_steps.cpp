#include "streams/keyed_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace recurra {
namespace {

// From so many events on, a key alone is worth moving to the stepper of one row.
constexpr int kWorthMoving = 3;

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
      sizes_(plan.sizes(Space::state)),
      x_size_(plan.sizes(Space::x).at(0)),
      y_size_(plan.sizes(Space::y).at(0)),
      event_(static_cast<std::size_t>(most_rows)) {
  for (const std::int64_t size : sizes_) state_size_ += size;
  before_.resize(static_cast<std::size_t>(most_rows * state_size_));
  state_.resize(static_cast<std::size_t>(state_size_));
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
  for (std::uint32_t position = 0; position < batch.keys(); ++position) {
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
    write(many_, row, reinterpret_cast<const T*>(batch.before(keys[row])));
    event_[row] = batch.first(keys[row]);
  }
  const auto most = static_cast<int>(batch.count(keys[0]));
  for (int done = 0, active = rows; done < most; ++done) {
    while (batch.count(keys[active - 1]) <= static_cast<std::uint32_t>(done)) --active;
    if (active == 1 && most - done >= kWorthMoving) {
      run_alone(batch, most - done, xs, ys, only_finite);
      break;
    }
    turn(many_, batch, active, xs, ys, only_finite);
  }
  for (int row = 0; row < rows; ++row)
    read(many_, row, reinterpret_cast<T*>(batch.after(keys[row])));
}

template <class T>
void KeyedSteps<T>::run_alone(const Batch& batch, int events, const T* xs, T* ys,
                              bool only_finite) {
  read(many_, 0, state_.data());
  write(one_, 0, state_.data());
  for (int k = 0; k < events; ++k) turn(one_, batch, 1, xs, ys, only_finite);
  read(one_, 0, state_.data());
  write(many_, 0, state_.data());
}

// The next event of each of the first rows.
template <class T>
void KeyedSteps<T>::turn(Stepper<T>& stepper, const Batch& batch, int rows, const T* xs, T* ys,
                         bool only_finite) {
  for (int row = 0; row < rows; ++row) {
    copy(stepper.x(0) + row * x_size_, xs + event_[row] * x_size_, x_size_);
    if (only_finite) read(stepper, row, &before_[static_cast<std::size_t>(row * state_size_)]);
  }
  stepper.step(rows);
  for (int row = 0; row < rows; ++row) {
    const T* const y = stepper.y(0) + row * y_size_;
    copy(ys + event_[row] * y_size_, y, y_size_);
    if (only_finite && !all_finite(y, y_size_)) {
      write(stepper, row, &before_[static_cast<std::size_t>(row * state_size_)]);
    }
    event_[row] = batch.next(event_[row]);
  }
}

template <class T>
void KeyedSteps<T>::read(const Stepper<T>& stepper, int row, T* state) const {
  for (std::size_t k = 0; k < sizes_.size(); state += sizes_[k], ++k) {
    copy(state, stepper.state(static_cast<int>(k)) + row * sizes_[k], sizes_[k]);
  }
}

template <class T>
void KeyedSteps<T>::write(const Stepper<T>& stepper, int row, const T* state) const {
  for (std::size_t k = 0; k < sizes_.size(); state += sizes_[k], ++k) {
    copy(stepper.state(static_cast<int>(k)) + row * sizes_[k], state, sizes_[k]);
  }
}

template class KeyedSteps<float>;
template class KeyedSteps<double>;

}  // namespace recurra
