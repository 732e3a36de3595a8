// One instruction on rows of its own, as the executor would run it.
#pragma once

#include <memory>
#include <vector>

#include "tests/laid.h"

namespace recurra::tests {

using Strides = std::vector<std::int64_t>;

inline Operand operand(int buffer, std::int64_t offset, const Strides& strides) {
  Operand made;
  made.buffer = buffer;
  made.offset = offset;
  for (int d = 0; d < kDims; ++d) made.strides[d] = strides[static_cast<std::size_t>(d)];
  return made;
}

// The place of an element in its row.
inline std::int64_t place_of(const Operand& operand, const std::int64_t* at) {
  std::int64_t place = operand.offset;
  for (int d = 0; d < kDims; ++d) place += at[d] * operand.strides[d];
  return place;
}

// Calls work(at) for every place of the dims.
template <class Work>
void for_each_place(const std::int64_t* dims, Work work) {
  std::int64_t at[kDims];
  for (at[0] = 0; at[0] < dims[0]; ++at[0]) {
    for (at[1] = 0; at[1] < dims[1]; ++at[1]) {
      for (at[2] = 0; at[2] < dims[2]; ++at[2]) {
        for (at[3] = 0; at[3] < dims[3]; ++at[3]) work(at);
      }
    }
  }
}

// Buffer 0 is what is written, and the inputs come after it. The first row is left alone, so that a
// frame that starts later is seen.
template <class T>
class Bench {
 public:
  static constexpr int kFirst = 1;

  Bench(int rows, const std::vector<std::int64_t>& sizes, const std::vector<Lie>& lies,
        bool shared_input = false)
      : count(rows) {
    for (std::size_t b = 0; b < sizes.size(); ++b) {
      const bool shared = shared_input && b > 0;
      buffers_.push_back(
          std::make_unique<Laid<T>>(shared ? 1 : kFirst + rows, sizes[b], lies[b % lies.size()]));
      rows_.push_back(buffers_.back()->rows());
      if (shared) rows_.back() = Rows<T>{buffers_.back()->rows()[0], 0, nullptr, 0};
      if (b > 0) buffers_.back()->fill(random);
    }
  }

  Laid<T>& buffer(int b) { return *buffers_[static_cast<std::size_t>(b)]; }
  Laid<T>& out() { return buffer(0); }
  T read(int b, int row, std::int64_t k) const {
    return rows_[static_cast<std::size_t>(b)][kFirst + row][k];
  }
  T read(const Operand& from, int row, const std::int64_t* at) const {
    return read(from.buffer, row, place_of(from, at));
  }
  void run(Isa isa, const Instruction& instruction, bool flat = false) {
    kernels<T>(isa).row_kernels[instruction.op](instruction,
                                                Frame<T>{rows_.data(), kFirst, count, flat});
  }

  Random random;
  const int count;

 private:
  std::vector<std::unique_ptr<Laid<T>>> buffers_;
  std::vector<Rows<T>> rows_;
};

}  // namespace recurra::tests
