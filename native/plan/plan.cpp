#include "plan/plan.h"

#include <algorithm>
#include <set>

#include "plan/check.h"

namespace recurra {
namespace {

// Elements that a group of rows holds at a time in one value: few enough for the group's values to
// stay near, many enough to be worth the call of a kernel. Measured: from 2048 to 16384 it is all the same
// within 2 %, 1024 costs a layer norm 6 %.
constexpr std::int64_t kGroup = 4096;

template <class Record, class Read>
std::vector<Record> records(const std::vector<std::int64_t>& numbers, std::size_t width,
                            Read read) {
  demand(numbers.size() % width == 0, "a table has a broken row");
  std::vector<Record> found;
  for (std::size_t at = 0; at < numbers.size(); at += width) found.push_back(read(&numbers[at]));
  return found;
}

// A number of the plan where the engine keeps 32 bits.
std::int32_t narrowed(std::int64_t number) {
  demand(number == static_cast<std::int32_t>(number), "a number is out of range");
  return static_cast<std::int32_t>(number);
}

Operand read_operand(const std::int64_t* from) {
  Operand operand;
  operand.buffer = narrowed(from[0]);
  operand.offset = from[1];
  std::copy(from + 2, from + kOperandWidth, operand.strides);
  return operand;
}

Instruction read_instruction(const std::int64_t* from) {
  Instruction instruction;
  instruction.op = narrowed(from[0]);
  instruction.inputs = narrowed(from[1]);
  instruction.extra = from[2];
  std::copy(from + 3, from + 3 + kDims, instruction.dims);
  from += 3 + kDims;
  instruction.out = read_operand(from);
  for (int k = 0; k < kMostInputs; ++k) {
    instruction.in[k] = read_operand(from + (1 + k) * kOperandWidth);
  }
  return instruction;
}

// Bytes of packed matrices that a second-level cache keeps from step to step.
constexpr std::size_t kKept = 3 << 18;

// Whether every panel of `later` may be made as soon as that panel of `earlier` is: neither reads what
// the other writes elsewhere.
template <class T>
bool may_share_panels(const Plan<T>& plan, const Instruction& earlier, const Instruction& later) {
  const auto apart = [](const Operand& a, const Operand& b) { return a.buffer != b.buffer; };
  const auto apart_or_same = [&](const Operand& a, const Operand& b) {
    return apart(a, b) || a.offset == b.offset;
  };
  return plan.matrices[earlier.extra].n == plan.matrices[later.extra].n &&
         apart(later.in[0], earlier.out) && apart_or_same(later.in[1], earlier.out) &&
         apart(earlier.in[0], later.out) && apart_or_same(earlier.in[1], later.out) &&
         apart_or_same(earlier.out, later.out);
}

// The stage of every product, and -1 for other instructions.
template <class T>
std::vector<std::int32_t> stages_of_products(const Plan<T>& plan) {
  std::vector<std::int32_t> found(plan.instructions.size(), -1);
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    for (const Segment& segment : plan.stages[s].segments) {
      if (segment.work != Work::product) continue;
      std::fill(found.begin() + segment.first, found.begin() + segment.last,
                static_cast<std::int32_t>(s));
    }
  }
  return found;
}

// Whether two products may come in either order: neither touches what the other writes.
bool independent(const Instruction& one, const Instruction& other) {
  const auto touches = [](const Instruction& each, std::int32_t buffer) {
    bool found = each.out.buffer == buffer;
    for (int k = 0; k < each.inputs; ++k) found |= each.in[k].buffer == buffer;
    return found;
  };
  return !touches(one, other.out.buffer) && !touches(other, one.out.buffer);
}

// Whether product p may run together with the chain that begins at `leader`, before all others between.
template <class T>
bool may_join(const Plan<T>& plan, std::int32_t leader, std::int32_t p) {
  for (std::int32_t m = leader; m < p; ++m) {
    const Instruction &earlier = plan.instructions[m], &later = plan.instructions[p];
    const bool same = plan.chains[m] == leader;
    if (same ? !may_share_panels(plan, earlier, later) : !independent(earlier, later)) return false;
  }
  return true;
}

// Finds chains (plan/one_row.h) among products that follow each other: none where all matrices are kept
// near, for one stream after the other is read faster than two by turns.
template <class T>
void find_chains(Plan<T>& plan) {
  plan.chains.assign(plan.instructions.size(), -1);
  plan.free_from.assign(plan.instructions.size(), 0);
  if (plan.packed_offsets.back() * sizeof(T) <= kKept) return;
  const std::vector<std::int32_t> stages = stages_of_products(plan);
  std::int32_t begin = 0;  // of the products that follow each other
  for (std::int32_t p = 0; p < static_cast<std::int32_t>(stages.size()); ++p) {
    if (stages[p] < 0) {
      begin = p + 1;
      continue;
    }
    plan.chains[p] = p;
    for (std::int32_t leader = p; leader-- > begin && plan.chains[p] == p;) {
      if (plan.chains[leader] == leader && may_join(plan, leader, p)) plan.chains[p] = leader;
    }
    std::int32_t first = p;
    while (first > begin && (plan.chains[first - 1] == plan.chains[p] ||
                             independent(plan.instructions[first - 1], plan.instructions[p]))) {
      --first;
    }
    plan.free_from[p] = first;
  }
}

// The only product before `later` that touches what it is added onto, if nothing else reads that.
template <class T>
std::int32_t only_begin(const Plan<T>& plan, std::int32_t later,
                        const std::vector<std::int32_t>& stages) {
  const Instruction& ends = plan.instructions[later];
  const std::int32_t between = ends.inputs > 1 ? ends.in[1].buffer : -1;
  if (between < 0 || ends.in[0].buffer == between) return -1;
  const Space space = plan.buffers[between].space;
  if (space != Space::chunk && space != Space::step) return -1;
  const bool in_place = ends.out.buffer == between;
  if (in_place && ends.out.offset != ends.in[1].offset) return -1;
  std::int32_t found = -1;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(plan.instructions.size()); ++i) {
    const Instruction& each = plan.instructions[i];
    bool reads = false;
    for (int k = 0; k < each.inputs; ++k) reads |= each.in[k].buffer == between;
    if (i == later || !(reads || each.out.buffer == between)) continue;
    if (i > later && in_place) continue;  // what they see is made by `later`
    if (i > later || found >= 0 || reads || stages[i] < 0) return -1;
    found = i;
  }
  return found;
}

// The product whose answers `later` can make too, or -1. Both are as wide, and what the first one reads is
// still there, to the last panel. One over all times is left to a loop only where the matrices are near:
// from afar they are better read for many times at once.
template <class T>
std::int32_t find_begun_by(const Plan<T>& plan, std::int32_t later,
                           const std::vector<std::int32_t>& stages) {
  const std::int32_t found = only_begin(plan, later, stages);
  if (found < 0) return -1;
  const Instruction &begins = plan.instructions[found], &ends = plan.instructions[later];
  if (ends.in[1].offset != begins.out.offset ||
      plan.matrices[begins.extra].n != plan.matrices[ends.extra].n) {
    return -1;
  }
  if (stages[found] != stages[later]) {
    const bool near = plan.packed_offsets.back() * sizeof(T) <= kKept;
    if (plan.stages[stages[found]].loop || !near) return -1;
  }
  for (int k = 0; k < begins.inputs; ++k) {
    for (std::int32_t i = found + 1; i <= later; ++i) {
      if (plan.instructions[i].out.buffer == begins.in[k].buffer) return -1;
    }
  }
  return found;
}

template <class T>
void find_begun(Plan<T>& plan) {
  const std::vector<std::int32_t> stages = stages_of_products(plan);
  plan.begun_by.assign(stages.size(), -1);
  plan.left_to_later.assign(stages.size(), 0);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const auto later = static_cast<std::int32_t>(i);
    const std::int32_t found = stages[i] < 0 ? -1 : find_begun_by(plan, later, stages);
    if (found < 0 || plan.begun_by[found] >= 0) continue;  // of three in a row two go together
    plan.begun_by[i] = found;
    plan.left_to_later[found] = 1;
  }
}

}  // namespace

template <class T>
Plan<T>::Plan(const Layout& layout, Isa isa)
    : kernels(recurra::kernels<T>(isa)), descending(layout.descending) {
  demand(supported(isa), "the processor lacks the instruction set");
  buffers = records<Buffer>(layout.buffers, 3, [](const std::int64_t* from) {
    return Buffer{static_cast<Space>(narrowed(from[0])), narrowed(from[1]), from[2]};
  });
  instructions = records<Instruction>(layout.instructions, kInstructionWidth, read_instruction);
  matrices = records<Matrix>(layout.matrices, 6, [](const std::int64_t* from) {
    return Matrix{narrowed(from[0]), from[1],           from[2],
                  from[3],           narrowed(from[4]), narrowed(from[5])};
  });
  constants.assign(layout.constants.begin(), layout.constants.end());
  const auto segments = records<Segment>(layout.segments, 3, [](const std::int64_t* from) {
    return Segment{static_cast<Work>(narrowed(from[0])), narrowed(from[1]), narrowed(from[2])};
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
  check_plan(*this);

  packed_offsets.push_back(0);
  for (const Matrix& matrix : matrices) {
    const std::size_t size = kernels.packed_size(matrix.n, matrix.k);
    packed_offsets.push_back(packed_offsets.back() + (size + 15) / 16 * 16);
    multiply_adds += static_cast<std::int64_t>(matrix.n) * matrix.k;
  }
  find_begun(*this);
  for (Stage& stage : stages) {
    std::set<std::int32_t> touched;
    for (const Segment& segment : stage.segments) {
      for (std::int32_t i = segment.first; i < segment.last; ++i) {
        touched.insert(instructions[i].out.buffer);
        for (int k = 0; k < instructions[i].inputs; ++k)
          touched.insert(instructions[i].in[k].buffer);
        if (begun_by[i] < 0) continue;
        const Instruction& begins = instructions[begun_by[i]];
        for (int k = 0; k < begins.inputs; ++k) touched.insert(begins.in[k].buffer);
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
  find_chains(*this);
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
std::vector<std::int64_t> Plan<T>::sizes(Space space) const {
  std::vector<std::int64_t> found(static_cast<std::size_t>(count(space)), 0);
  for (const Buffer& buffer : buffers) {
    if (buffer.space == space) found[buffer.index] = buffer.size;
  }
  return found;
}

template struct Plan<float>;
template struct Plan<double>;

}  // namespace recurra
