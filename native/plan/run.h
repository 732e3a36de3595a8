// A whole call: rows in blocks, time in chunks, work over threads.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "plan/block.h"

namespace recurra {

// Memory that calls of one plan use again.
class Memories {
 public:
  std::unique_ptr<Memory> borrow();
  void give_back(std::unique_ptr<Memory> memory);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Memory>> free_;
};

// How a call of so many rows wants its matrices.
inline Packing packing_of_call(int rows) {
  return rows == 1 ? Packing::one_row_in_loops : Packing::many_rows;
}

// Runs a call. `packed` holds the packed weights, or is null: then they are packed for this call.
template <class T>
void run_call(const Plan<T>& plan, const Call<T>& call, const T* packed, Memories& memories);

}  // namespace recurra
