// One step for some rows, with everything bound beforehand: nothing is allocated, locked or looked up.
#pragma once

#include <vector>

#include "plan/block.h"

namespace recurra {

template <class T>
class Stepper {
 public:
  // The plan, the weights and the packed matrices have to outlive it. The matrices are packed for one
  // row where that is the most there will be, and for many otherwise.
  Stepper(const Plan<T>& plan, const T* const* weights, const T* packed, int most_rows);
  static Packing packing(int most_rows) {
    return most_rows == 1 ? Packing::one_row : Packing::many_rows;
  }

  T* x(int k) const { return xs_[k]; }          // (rows, size), to be filled
  T* y(int k) const { return ys_[k]; }          // (rows, size), filled by a step
  T* state(int k) const { return states_[k]; }  // (rows, size), before a step and after it
  void step(int rows);
  // The same with x(0) and y(0) in other places, for this step.
  void step(int rows, const T* x, T* y);
  // From now on the states are where these point, for each row: a slot after the other.
  void bind_states(T* const* rows);

 private:
  const Plan<T>& plan_;
  const Stage all_;
  Memory memory_;
  std::vector<const T*> given_;
  std::vector<T*> xs_, ys_, states_;
  std::size_t x_ = 0, y_ = 0;  // the buffers of x(0) and y(0)
  std::vector<Rows<T>> at_;
  std::vector<char> flat_, flat_alone_;
  std::vector<Scratch<T>> scratch_;
  Weights<T> weights_;
};

}  // namespace recurra
