// A batch of events by key through a plan: gathered from the table, stepped side by side, scattered
// back.
//
// Keys with more events come first, so that in every turn the keys that still have one are the first
// rows: their states stay in the stepper until their last event. A key that is left alone with
// several events goes on in a stepper of one row. The bits do not depend on any of that.
//
// Nothing is allocated once a batch of this size was stepped.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/stepper.h"
#include "streams/batch.h"

namespace recurra {

template <class T>
class KeyedSteps {
 public:
  // The matrices packed as Packing::many_rows and as Packing::one_row.
  KeyedSteps(const Plan<T>& plan, const T* const* weights, const T* packed_for_many,
             const T* packed_for_one, int most_rows);

  // Of a state, an event and an answer, in elements.
  std::int64_t state_size() const { return state_size_; }
  std::int64_t x_size() const { return x_size_; }
  std::int64_t y_size() const { return y_size_; }

  // xs: (events, x_size) read, ys: (events, y_size) written, in the order of the batch's events.
  // With only_finite an answer that is not finite leaves its key's state as it was.
  void run(Batch& batch, const T* xs, T* ys, bool only_finite);

 private:
  void sort(const Batch& batch);
  void run_block(Batch& batch, std::size_t first, int rows, const T* xs, T* ys, bool only_finite);
  void turn(Stepper<T>& stepper, const Batch& batch, int rows, const T* xs, T* ys,
            bool only_finite);

  Stepper<T> many_, one_;
  int most_rows_;
  std::int64_t state_size_ = 0, x_size_, y_size_;
  std::vector<std::uint32_t> order_;  // the batch's keys, those with more events first
  std::vector<std::uint32_t> event_;  // the next one of each row
  std::vector<T> before_;             // the states before a turn
  std::vector<T*> states_;            // of each row, in the table
};

}  // namespace recurra
