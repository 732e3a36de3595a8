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

// Products of a single row that may come in any order: chains of them, in one way at one step and in the
// other way at the next, so that caches still hold what is read first.
template <class T>
class Sweep {
 public:
  Sweep(const Plan<T>& plan, const Scratch<T>& scratch) : plan_(plan), scratch_(scratch) {}

  void add(std::int32_t place, const ProductOfOneRow<T>& product) {
    const std::int32_t name = plan_.chains[place];
    if (name < 0) return run_alone(product);
    bool waits = count_ == kMost || plan_.free_from[place] > first_;
    for (int c = 0; c < count_; ++c) {
      if (names_[c] != name) continue;
      if (chains_[c].count < Chain<T>::kMost) {
        chains_[c].products[chains_[c].count++] = product;
        return;
      }
      waits = true;  // it may go on from what a full chain makes
    }
    if (waits) run();
    if (count_ == 0) first_ = place;
    names_[count_] = name;
    chains_[count_].count = 1;
    chains_[count_++].products[0] = product;
  }

  void run() {
    for (int c = 0; c < count_; ++c) {
      run_one(chains_[scratch_.last_panel_first ? count_ - 1 - c : c]);
    }
    count_ = 0;
  }

 private:
  void run_alone(const ProductOfOneRow<T>& product) const {
    if (product.n <= plan_.kernels.wide_panel) {
      plan_.kernels.product_of_one_row(product.packed, product.n, product.k, product.a,
                                       product.onto, product.out, product.packed);
      return;
    }
    Chain<T> chain;
    chain.products[chain.count++] = product;
    run_one(chain);
  }

  void run_one(const Chain<T>& chain) const {
    if (scratch_.team != nullptr && chain.multiply_adds() >= Team<T>::kWorthMeeting) {
      scratch_.team->run(chain, scratch_.last_panel_first);
    } else {
      run_chain(plan_.kernels, chain, 0, chain.outputs(), scratch_.last_panel_first);
    }
  }

  static constexpr int kMost = 4;
  const Plan<T>& plan_;
  const Scratch<T>& scratch_;
  Chain<T> chains_[kMost];
  std::int32_t names_[kMost] = {}, first_ = 0;
  int count_ = 0;
};

template <class T>
void run_products(const Plan<T>& plan, const Segment& segment, const Weights<T>& weights,
                  const Rows<T>* at, int first, int rows, const Scratch<T>& scratch) {
  Sweep<T> sweep(plan, scratch);
  for (std::int32_t i = segment.first; i < segment.last; ++i) {
    const Instruction& instruction = plan.instructions[i];
    if (weights.together && plan.left_to_later[i]) continue;
    const Matrix& matrix = plan.matrices[instruction.extra];
    const T* packed = weights.packed + plan.packed_offsets[instruction.extra];
    const Rows<T> a = place(at, instruction.in[0], first);
    const Rows<T> onto = place(at, instruction.in[1], first);
    const Rows<T> out = place(at, instruction.out, first);
    if (packed_for_one_row(plan, weights.packing, static_cast<std::size_t>(instruction.extra))) {
      const T* start = onto.none() ? nullptr : onto[0];
      sweep.add(i, {packed, matrix.n, matrix.k, a[0], start, out[0]});
      continue;
    }
    sweep.run();
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
  }
  sweep.run();
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
