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

template <class T>
Rows<T> place(const Rows<T>* at, const Operand& operand, int first) {
  return operand.buffer < 0 ? Rows<T>{} : at[operand.buffer].from(first).plus(operand.offset);
}

template <class T>
void run_products(const Plan<T>& plan, const Segment& segment, const Weights<T>& weights,
                  const Rows<T>* at, int first, int rows, const Scratch<T>& scratch) {
  Chain<T> chain;
  for (std::int32_t i = segment.first; i < segment.last; ++i) {
    const Instruction& instruction = plan.instructions[i];
    if (weights.together && plan.left_to_later[i]) continue;
    const Matrix& matrix = plan.matrices[instruction.extra];
    const T* packed = weights.packed + plan.packed_offsets[instruction.extra];
    const auto for_one_row = [&](std::int32_t of) {
      return packed_for_one_row(plan, weights.packing,
                                static_cast<std::size_t>(plan.instructions[of].extra));
    };
    const Rows<T> a = place(at, instruction.in[0], first);
    const Rows<T> onto = place(at, instruction.in[1], first);
    const Rows<T> out = place(at, instruction.out, first);
    if (!for_one_row(i)) {
      const std::int32_t begun_by = weights.together ? plan.begun_by[i] : -1;
      if (begun_by < 0) {
        const Factor<T> factor{packed, matrix.k};
        const ProductRows<T> run{rows, {a}, onto, out};
        plan.kernels.product(&factor, 1, matrix.n, &run, 1);
        continue;
      }
      const Instruction& begins = plan.instructions[begun_by];
      const Factor<T> factors[] = {
          {weights.packed + plan.packed_offsets[begins.extra], plan.matrices[begins.extra].k},
          {packed, matrix.k}};
      const ProductRows<T> run{
          rows, {place(at, begins.in[0], first), a}, place(at, begins.in[1], first), out};
      plan.kernels.product(factors, 2, matrix.n, &run, 1);
      continue;
    }
    const T* start = onto.none() ? nullptr : onto[0];
    if (matrix.n <= plan.kernels.wide_panel) {
      plan.kernels.product_of_one_row(packed, matrix.n, matrix.k, a[0], start, out[0], packed);
      continue;
    }
    chain.products[chain.count++] = {packed, matrix.n, matrix.k, a[0], start, out[0]};
    if (i + 1 < segment.last && chain.count < Chain<T>::kMost && plan.goes_on[i + 1] &&
        for_one_row(i + 1)) {
      continue;
    }
    if (scratch.team != nullptr && chain.multiply_adds() >= Team<T>::kWorthMeeting) {
      scratch.team->run(chain, scratch.last_panel_first);
    } else {
      run_chain(plan.kernels, chain, 0, matrix.n, scratch.last_panel_first);
    }
    chain.count = 0;
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
    } else {
      run_products(plan, segment, weights, at, first, rows, scratch);
    }
  }
  scratch.last_panel_first = !scratch.last_panel_first;
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
