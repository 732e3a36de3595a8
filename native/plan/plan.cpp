#include "plan/plan.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace recurra {
namespace {

// Elements that a group of rows holds at a time in one value: few enough for the group's values to
// stay near, many enough to be worth the call of a kernel. Measured: 2048 beats 512 and 1024.
constexpr std::int64_t kGroup = 2048;

void demand(bool fine, const char* what) {
  if (!fine) throw std::invalid_argument(std::string("plan: ") + what);
}

template <class Record, class Read>
std::vector<Record> records(const std::vector<std::int64_t>& numbers, std::size_t width, Read read) {
  demand(numbers.size() % width == 0, "a table has a broken row");
  std::vector<Record> found;
  for (std::size_t at = 0; at < numbers.size(); at += width) found.push_back(read(&numbers[at]));
  return found;
}

Operand read_operand(const std::int64_t* from) {
  Operand operand;
  operand.buffer = static_cast<std::int32_t>(from[0]);
  operand.offset = from[1];
  std::copy(from + 2, from + kOperandWidth, operand.strides);
  return operand;
}

Instruction read_instruction(const std::int64_t* from) {
  Instruction instruction;
  instruction.op = static_cast<std::int32_t>(from[0]);
  instruction.inputs = static_cast<std::int32_t>(from[1]);
  instruction.extra = from[2];
  std::copy(from + 3, from + 3 + kDims, instruction.dims);
  from += 3 + kDims;
  instruction.out = read_operand(from);
  for (int k = 0; k < kMostInputs; ++k) {
    instruction.in[k] = read_operand(from + (1 + k) * kOperandWidth);
  }
  return instruction;
}

// The farthest element that a view of these dims touches, and that it touches none before 0.
void check_reach(const Operand& operand, const std::int64_t* dims, std::int64_t size) {
  std::int64_t low = operand.offset, high = operand.offset;
  for (int d = 0; d < kDims; ++d) {
    if (dims[d] == 0) return;
    const std::int64_t way = (dims[d] - 1) * operand.strides[d];
    (way < 0 ? low : high) += way;
  }
  demand(low >= 0 && high < size, "a view leaves its buffer");
}

bool is_view_of_rows(std::int32_t op) { return op < kRowOps; }

}  // namespace

template <class T>
Plan<T>::Plan(const Layout& layout, Isa isa)
    : kernels(recurra::kernels<T>(isa)), descending(layout.descending) {
  demand(supported(isa), "the processor lacks the instruction set");
  buffers = records<Buffer>(layout.buffers, 3, [](const std::int64_t* from) {
    return Buffer{static_cast<Space>(from[0]), static_cast<std::int32_t>(from[1]), from[2]};
  });
  instructions = records<Instruction>(layout.instructions, kInstructionWidth, read_instruction);
  matrices = records<Matrix>(layout.matrices, 6, [](const std::int64_t* from) {
    return Matrix{static_cast<std::int32_t>(from[0]), from[1], from[2], from[3],
                  static_cast<std::int32_t>(from[4]), static_cast<std::int32_t>(from[5])};
  });
  constants.assign(layout.constants.begin(), layout.constants.end());
  const auto segments = records<Segment>(layout.segments, 3, [](const std::int64_t* from) {
    return Segment{static_cast<Work>(from[0]), static_cast<std::int32_t>(from[1]),
                   static_cast<std::int32_t>(from[2])};
  });
  std::size_t next = 0;
  demand(layout.stages.size() % 2 == 0, "a table has a broken row");
  for (std::size_t at = 0; at < layout.stages.size(); at += 2) {
    Stage stage{layout.stages[at] != 0, {}, {}};
    for (std::int64_t k = 0; k < layout.stages[at + 1]; ++k) {
      demand(next < segments.size(), "a stage has segments that are not there");
      const Segment& segment = segments[next++];
      (segment.work == Work::weights ? weight_segments : stage.segments).push_back(segment);
    }
    stages.push_back(stage);
  }
  demand(next == segments.size(), "segments are left over");
  check();

  for (Stage& stage : stages) {
    std::set<std::int32_t> touched;
    for (const Segment& segment : stage.segments) {
      for (std::int32_t i = segment.first; i < segment.last; ++i) {
        touched.insert(instructions[i].out.buffer);
        for (int k = 0; k < instructions[i].inputs; ++k) touched.insert(instructions[i].in[k].buffer);
      }
    }
    touched.erase(-1);
    stage.buffers.assign(touched.begin(), touched.end());
  }
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    const Buffer& buffer = buffers[b];
    if (buffer.space == Space::chunk) chunk_width += buffer.size;
    if (buffer.space == Space::step || buffer.space == Space::state) step_width += buffer.size;
    if (buffer.space == Space::tile) {
      tile_width += buffer.size;
      tiles.push_back(static_cast<std::int32_t>(b));
    }
  }
  in_loops_only.assign(matrices.size(), 1);
  for (const Stage& stage : stages) {
    for (const Segment& segment : stage.segments) {
      if (stage.loop || segment.work != Work::product) continue;
      for (std::int32_t i = segment.first; i < segment.last; ++i) {
        in_loops_only[instructions[i].extra] = 0;
      }
    }
  }
  packed_offsets.push_back(0);
  for (const Matrix& matrix : matrices) {
    const std::size_t size = kernels.packed_size(matrix.n, matrix.k);
    packed_offsets.push_back(packed_offsets.back() + (size + 15) / 16 * 16);
    multiply_adds += static_cast<std::int64_t>(matrix.n) * matrix.k;
  }
  std::int64_t widest = 1;
  for (const Instruction& each : instructions) {
    if (each.op < kRowOps) {
      widest = std::max(widest, each.dims[0] * each.dims[1] * each.dims[2] * each.dims[3]);
    }
    if (each.op == kOp_outer) {
      outer_columns = std::max(outer_columns, static_cast<int>(each.dims[3]));
      multiply_adds += each.dims[2] * each.dims[3];
    }
  }
  group_rows = static_cast<int>(std::max<std::int64_t>(1, kGroup / widest));
}

template <class T>
int Plan<T>::count(Space space) const {
  int found = 0;
  for (const Buffer& buffer : buffers) {
    if (buffer.space == space) found = std::max(found, buffer.index + 1);
  }
  return found;
}

template <class T>
void Plan<T>::check() const {
  const auto count = static_cast<std::int32_t>(buffers.size());
  for (const Buffer& buffer : buffers) {
    demand(buffer.space >= Space::x && buffer.space <= Space::tile, "a buffer's space is unknown");
    demand(buffer.size >= 0 && buffer.index >= 0, "a buffer has a negative size");
    if (buffer.space == Space::constant) {
      demand(static_cast<std::size_t>(buffer.size) <= constants.size(), "constants are missing");
    }
  }
  for (const Matrix& matrix : matrices) {
    demand(matrix.buffer >= 0 && matrix.buffer < count && matrix.n >= 0 && matrix.k >= 0,
           "a matrix has no buffer");
    Operand view;
    view.offset = matrix.offset;
    view.strides[2] = matrix.row_stride;
    view.strides[3] = matrix.column_stride;
    const std::int64_t dims[kDims] = {1, 1, matrix.n, matrix.k};
    check_reach(view, dims, buffers[matrix.buffer].size);
  }
  for (const Instruction& each : instructions) {
    demand(each.op >= 0 && each.op < kOps, "an op is unknown");
    demand(each.inputs >= 0 && each.inputs <= kMostInputs, "an op has too many inputs");
    for (const std::int64_t size : each.dims) demand(size >= 0, "a dimension is negative");
    demand(each.out.buffer >= 0 && each.out.buffer < count, "an output has no buffer");
    for (int k = 0; k < each.inputs; ++k) {
      const bool none = each.op == kOp_product && k == 1 && each.in[k].buffer == -1;
      demand(none || (each.in[k].buffer >= 0 && each.in[k].buffer < count),
             "an input has no buffer");
    }
    const bool shaped = is_view_of_rows(each.op) && each.op < kOp_sum;
    if (shaped) {
      check_reach(each.out, each.dims, buffers[each.out.buffer].size);
      for (int k = 0; k < each.inputs; ++k) {
        check_reach(each.in[k], each.dims, buffers[each.in[k].buffer].size);
      }
    }
    if (each.op == kOp_product) {
      demand(each.extra >= 0 && each.extra < static_cast<std::int64_t>(matrices.size()),
             "a product has no matrix");
    }
  }
  for (const auto* group : {&weight_segments}) {
    for (const Segment& segment : *group) {
      demand(segment.first >= 0 && segment.first <= segment.last &&
                 segment.last <= static_cast<std::int32_t>(instructions.size()),
             "a segment leaves the instructions");
    }
  }
  for (const Stage& stage : stages) {
    for (const Segment& segment : stage.segments) {
      demand(segment.first >= 0 && segment.first <= segment.last &&
                 segment.last <= static_cast<std::int32_t>(instructions.size()),
             "a segment leaves the instructions");
      for (std::int32_t i = segment.first; i < segment.last; ++i) {
        demand((instructions[i].op == kOp_product) == (segment.work == Work::product),
               "an instruction is in the wrong kind of segment");
      }
    }
  }
}

template struct Plan<float>;
template struct Plan<double>;

}  // namespace recurra
