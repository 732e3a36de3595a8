// Plans drawn by hand: a layout, row by row.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace recurra::tests {

using Numbers = std::vector<std::int64_t>;

// An operand that goes along the last axis in steps of 1, and every other axis not at all.
inline Numbers along(std::int64_t buffer, std::int64_t offset = 0) {
  return {buffer, offset, 0, 0, 0, 1};
}
// The same number for every element.
inline Numbers one_number(std::int64_t buffer, std::int64_t offset = 0) {
  return {buffer, offset, 0, 0, 0, 0};
}
// Rows of a matrix.
inline Numbers lines(std::int64_t buffer, std::int64_t stride, std::int64_t offset = 0) {
  return {buffer, offset, 0, 0, stride, 1};
}

class Sketch {
 public:
  std::int64_t buffer(Space space, std::int64_t size) {
    std::int64_t index = 0;
    for (std::size_t at = 0; at < layout.buffers.size(); at += 3)
      index += layout.buffers[at] == to_number(space);
    append(layout.buffers, {to_number(space), index, size});
    return static_cast<std::int64_t>(layout.buffers.size()) / 3 - 1;
  }
  // w(i, j) = buffer[offset + i row_stride + j column_stride]
  std::int64_t matrix(std::int64_t buffer, std::int64_t n, std::int64_t k) {
    append(layout.matrices, {buffer, 0, k, 1, n, k});
    return static_cast<std::int64_t>(layout.matrices.size()) / 6 - 1;
  }
  // Begins a stage; segments that follow are its own.
  Sketch& stage(bool loop) {
    append(layout.stages, {loop, 0});
    return *this;
  }
  // Begins a segment; instructions that follow are its own.
  Sketch& segment(Work work) {
    append(layout.segments, {to_number(work), instructions(), instructions()});
    ++layout.stages.back();
    return *this;
  }
  Sketch& add(Op op, const Numbers& dims, const Numbers& out, const std::vector<Numbers>& in,
              std::int64_t extra = 0) {
    append(layout.instructions, {op, static_cast<std::int64_t>(in.size()), extra});
    append(layout.instructions, dims);
    append(layout.instructions, out);
    for (const Numbers& each : in) append(layout.instructions, each);
    for (std::size_t k = in.size(); k < kMostInputs; ++k)
      append(layout.instructions, {-1, 0, 0, 0, 0, 0});
    ++layout.segments.back();
    return *this;
  }

  Layout layout;

 private:
  template <class Enumeration>
  static std::int64_t to_number(Enumeration value) {
    return static_cast<std::int64_t>(value);
  }
  static void append(Numbers& table, const Numbers& row) {
    table.insert(table.end(), row.begin(), row.end());
  }
  std::int64_t instructions() const {
    return static_cast<std::int64_t>(layout.instructions.size()) / kInstructionWidth;
  }
};

}  // namespace recurra::tests
