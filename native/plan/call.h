// What a run is given, as addresses. Strides count elements of the plan's type.
#pragma once

#include <cstdint>
#include <vector>

namespace recurra {

// A value by row and time; features lie together.
template <class T>
struct Line {
  T* base = nullptr;
  std::int64_t row_stride = 0, time_stride = 0;
  bool inner = false;  // kept between forward and backward: rows by length, times as they are run
};

template <class T>
struct Call {
  int rows = 0, time = 0;
  bool backwards = false;                 // time runs from each row's last step to its first
  const std::int64_t* lengths = nullptr;  // of each row
  const std::uint8_t* reset = nullptr;    // (rows, time): the state starts again before the step
  std::vector<Line<T>> xs, ys;
  std::vector<const T*> weights, states, starts;  // states and starts: (rows, size)
  std::vector<T*> finals;                         // (rows, size)
  std::vector<T*> weight_grads;                   // zeroed here; null where not wanted
  std::vector<T*> start_grads;                    // zeroed here; null where not wanted
};

}  // namespace recurra
