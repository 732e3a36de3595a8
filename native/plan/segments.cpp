// The inner of every run: a stage at one step, for rows whose places are known.
#include <algorithm>

#include "plan/block.h"

namespace recurra {
namespace {

template <class T>
void run_rows(const Plan<T>& plan, const Segment& segment, Rows<T>* at, int first, int rows,
              const char* flat, const char* flat_alone, const Scratch<T>& scratch) {
  const int group = plan.group_rows;
  for (int from = first; from < first + rows; from += group) {
    const int count = std::min(group, first + rows - from);
    T* tile = scratch.tile;
    for (const std::int32_t b : plan.tiles) {
      const std::int64_t size = plan.buffers[b].size;
      at[b] = Rows<T>{tile - from * size, size, nullptr, 0};
      tile += group * size;
    }
    const char* const runs = count == 1 ? flat_alone : flat;
    for (std::int32_t i = segment.first; i < segment.last; ++i) {
      const Instruction& instruction = plan.instructions[i];
      plan.kernels.row_kernels[instruction.op](instruction,
                                               Frame<T>{at, from, count, runs[i] != 0});
    }
  }
}

bool one_run_of_elements(const Instruction& instruction) {
  return instruction.dims[0] == 1 && instruction.dims[1] == 1 && instruction.dims[2] == 1;
}

}  // namespace

template <class T>
void run_segments(const Plan<T>& plan, const Stage& stage, const Weights<T>& weights, Rows<T>* at,
                  int first, int rows, const char* flat, const char* flat_alone,
                  const Scratch<T>& scratch) {
  for (const Segment& segment : stage.segments) {
    if (segment.work == Work::rows) {
      run_rows(plan, segment, at, first, rows, flat, flat_alone, scratch);
      continue;
    }
    for (std::int32_t i = segment.first; i < segment.last; ++i) {
      const Instruction& instruction = plan.instructions[i];
      const Matrix& matrix = plan.matrices[instruction.extra];
      const Operand& a = instruction.in[0];
      const Operand& onto = instruction.in[1];
      const T* packed = weights.packed + plan.packed_offsets[instruction.extra];
      const auto place = [&](const Operand& operand) {
        return operand.buffer < 0 ? Rows<T>{} : at[operand.buffer].from(first).plus(operand.offset);
      };
      const ProductRows<T> run{rows, place(a), place(onto), place(instruction.out)};
      if (packed_for_one_row(plan, weights.packing, static_cast<std::size_t>(instruction.extra))) {
        const T* start = run.onto.none() ? nullptr : run.onto[0];
        if (scratch.team != nullptr &&
            static_cast<std::int64_t>(matrix.n) * matrix.k >= Team<T>::kWorthMeeting) {
          scratch.team->product(packed, matrix.n, matrix.k, run.a[0], start, run.out[0]);
        } else {
          plan.kernels.product_of_one_row(packed, matrix.n, matrix.k, run.a[0], start, run.out[0]);
        }
      } else {
        plan.kernels.product(packed, matrix.n, matrix.k, &run, 1);
      }
    }
  }
}

template <class T>
void find_flat(const Plan<T>& plan, const Rows<T>* at, std::vector<char>& flat,
               std::vector<char>& flat_alone) {
  const std::size_t count = plan.instructions.size();
  flat.assign(count, 0);
  flat_alone.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const Instruction& each = plan.instructions[i];
    if (each.op >= kOp_sum || !one_run_of_elements(each)) continue;
    flat_alone[i] = 1;
    const std::int64_t size = each.dims[kDims - 1];
    const auto together = [&](const Operand& operand) {
      const Buffer& buffer = plan.buffers[operand.buffer];
      if (buffer.space == Space::tile) return buffer.size == size;
      return at[operand.buffer].table == nullptr && at[operand.buffer].stride == size;
    };
    bool all = together(each.out);
    for (int k = 0; k < each.inputs; ++k) {
      const bool one_number = each.in[k].strides[kDims - 1] == 0;
      const Rows<T>& rows = at[each.in[k].buffer];
      const bool shared = plan.buffers[each.in[k].buffer].space != Space::tile &&
                          rows.table == nullptr && rows.stride == 0;
      all = all && (one_number ? shared : together(each.in[k]));
    }
    flat[i] = all;
  }
}

template void run_segments<float>(const Plan<float>&, const Stage&, const Weights<float>&,
                                  Rows<float>*, int, int, const char*, const char*,
                                  const Scratch<float>&);
template void run_segments<double>(const Plan<double>&, const Stage&, const Weights<double>&,
                                   Rows<double>*, int, int, const char*, const char*,
                                   const Scratch<double>&);
template void find_flat<float>(const Plan<float>&, const Rows<float>*, std::vector<char>&,
                               std::vector<char>&);
template void find_flat<double>(const Plan<double>&, const Rows<double>*, std::vector<char>&,
                                std::vector<char>&);

}  // namespace recurra
