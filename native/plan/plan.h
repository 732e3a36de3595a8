// A plan: a program made ready to run for one element type.
//
// The planner (recurra.compiler.plan) lays out buffers and orders instructions; here they are checked
// and bound to the kernels of one instruction set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace recurra {

// Where a buffer's numbers live.
enum class Space : std::int32_t {
  x,            // given, by row and time
  y,            // taken out, by row and time
  weight,       // given, the same for all
  weight_grad,  // taken out, a sum over all
  constant,     // the plan's own numbers
  state,        // carried from step to step
  chunk,        // of some steps, from one stage to a later one
  step,         // of one step
  tile,         // of a few rows, within one group of row instructions
};

struct Buffer {
  Space space;
  std::int32_t index;  // among those of its space
  std::int64_t size;   // elements of a row
};

// A matrix that a product multiplies by: w(i, j) = weight[offset + i row_stride + j column_stride].
struct Matrix {
  std::int32_t buffer;
  std::int64_t offset, row_stride, column_stride;
  std::int32_t n, k;
};

enum class Work : std::int32_t { product, rows, weights };

struct Segment {
  Work work;
  std::int32_t first, last;  // instructions
};

struct Stage {
  bool loop;
  std::vector<Segment> segments;
  std::vector<std::int32_t> buffers;  // all that its instructions touch
};

// What the planner hands over, as plain numbers.
struct Layout {
  std::vector<std::int64_t> buffers;       // rows of (space, index, size)
  std::vector<std::int64_t> instructions;  // rows of kInstructionWidth
  std::vector<std::int64_t> stages;        // rows of (loop, number of segments)
  std::vector<std::int64_t> segments;      // rows of (work, first, last)
  std::vector<std::int64_t> matrices;      // rows of (buffer, offset, strides, n, k)
  std::vector<double> constants;
  bool descending = false;  // loops run from the last step to the first
};

constexpr int kOperandWidth = 2 + kDims;
constexpr int kInstructionWidth = 3 + kDims + (1 + kMostInputs) * kOperandWidth;

template <class T>
struct Plan {
  // Throws std::invalid_argument where the layout contradicts itself.
  Plan(const Layout& layout, Isa isa);

  const Kernels<T>& kernels;
  std::vector<Buffer> buffers;
  std::vector<Instruction> instructions;
  std::vector<Stage> stages;
  std::vector<Segment> weight_segments;  // run once a chunk, after its stages
  std::vector<Matrix> matrices;
  std::vector<char> in_loops_only;  // of each matrix: never multiplied for all times at once
  // Of each product: one before it whose answers it is added onto and nobody else reads, so that it can
  // make both; or -1. And whether a product can be left to such a later one.
  std::vector<std::int32_t> begun_by;
  std::vector<char> left_to_later;
  // Of each product: the first one of its chain (plan/one_row.h), or -1 where there are no chains; and from
  // which one on all products before it are of its chain, or may come after it as well.
  std::vector<std::int32_t> chains, free_from;
  std::vector<std::size_t> packed_offsets;  // of each matrix, and the size of all
  std::vector<T> constants;
  std::vector<std::int32_t> tiles;  // buffers of a tile
  bool descending;

  std::int64_t chunk_width = 0;    // elements of all chunk buffers of a row and step
  std::int64_t step_width = 0;     // of all state and step buffers of a row
  std::int64_t tile_width = 0;     // of all tile buffers of a row
  int group_rows = 1;              // rows that row instructions take at a time
  int outer_columns = 0;           // of the widest sum of outer products
  std::int64_t multiply_adds = 0;  // of one row and step
  int count(Space space) const;
  std::vector<std::int64_t> sizes(Space space) const;  // of each value of it, in elements of a row
};

}  // namespace recurra
