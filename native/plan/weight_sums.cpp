// The gradients of weights: sums over all steps of a chunk and all rows of a block, in that order.
#include <algorithm>
#include <cstring>
#include <utility>

#include "plan/block.h"

namespace recurra {

template <class T>
void Block<T>::run_weights(int begin, int end, int part, int parts, const Scratch<T>& scratch) {
  for (const Segment& segment : plan_.weight_segments) {
    for (std::int32_t i = segment.first; i < segment.last; ++i) {
      const Instruction& instruction = plan_.instructions[i];
      if (call_.weight_grads[plan_.buffers[instruction.out.buffer].index] == nullptr) continue;
      if (instruction.op == kOp_outer) outer(instruction, begin, end, part, parts, scratch);
      if (instruction.op == kOp_column_sum)
        column_sum(instruction, begin, end, part, parts, scratch);
      if (instruction.op == kOp_scatter) scatter(instruction, begin, end, part, parts, scratch);
    }
  }
}

namespace {

// A part of n things, in whole eights.
std::pair<std::int64_t, std::int64_t> share(std::int64_t n, int part, int parts) {
  const std::int64_t eights = (n + 7) / 8;
  return {std::min(n, eights * part / parts * 8), std::min(n, eights * (part + 1) / parts * 8)};
}

}  // namespace

template <class T>
void Block<T>::outer(const Instruction& instruction, int begin, int end, int part, int parts,
                     const Scratch<T>& scratch) {
  const Operand& a = instruction.in[0];
  const Operand& b = instruction.in[1];
  const Operand& out = instruction.out;
  int count = 0;
  for (int step = begin; step < end; ++step) {
    const int running = active(step, 0, rows_);
    if (running == 0) break;
    scratch.outers[count++] = {running, locate(a.buffer, step).plus(a.offset),
                               locate(b.buffer, step).plus(b.offset)};
  }
  const auto [from, to] = share(instruction.dims[2], part, parts);
  T* into = call_.weight_grads[plan_.buffers[out.buffer].index] + out.offset;
  plan_.kernels.outer(scratch.outers, count, static_cast<int>(from), static_cast<int>(to),
                      static_cast<int>(instruction.dims[3]), into, out.strides[2], scratch.outer);
}

namespace {

// Rows of a value, and the way from element to element.
template <class T>
struct Runs {
  Rows<T> rows;
  std::int64_t step;
};

// to += each row, or each row of `a` times that of `b`, over a run of elements in any steps.
template <class T>
void add_runs(const Kernels<T>& kernels, T* to, std::int64_t to_step, const Runs<T>& a,
              const Runs<T>* b, int rows, std::int64_t n) {
  if (to_step == 1 && a.step == 1 && (b == nullptr || b->step == 1)) {
    if (b == nullptr) return kernels.add_rows(to, a.rows, rows, n);
    return kernels.add_products(to, a.rows, b->rows, rows, n);
  }
  for (int r = 0; r < rows; ++r) {
    const T* x = a.rows[r];
    const T* y = b == nullptr ? nullptr : b->rows[r];
    for (std::int64_t i = 0; i < n; ++i) {
      to[i * to_step] += y == nullptr ? x[i * a.step] : x[i * a.step] * y[i * b->step];
    }
  }
}

}  // namespace

template <class T>
void Block<T>::column_sum(const Instruction& instruction, int begin, int end, int part, int parts,
                          const Scratch<T>&) {
  const std::int64_t* dims = instruction.dims;
  const Operand& out = instruction.out;
  T* into = call_.weight_grads[plan_.buffers[out.buffer].index] + out.offset;
  const auto [from, to] = share(dims[3], part, parts);
  const auto run = [](const Rows<T>& rows, const std::int64_t* strides, const std::int64_t* at) {
    return Runs<T>{rows.plus(at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2] +
                             at[3] * strides[3]),
                   strides[3]};
  };
  for (int step = begin; step < end; ++step) {
    const int running = active(step, 0, rows_);
    Rows<T> rows[2];
    for (int k = 0; k < instruction.inputs; ++k) {
      rows[k] = locate(instruction.in[k].buffer, step).plus(instruction.in[k].offset);
    }
    std::int64_t at[kDims] = {0, 0, 0, from};
    for (at[0] = 0; at[0] < dims[0]; ++at[0]) {
      for (at[1] = 0; at[1] < dims[1]; ++at[1]) {
        for (at[2] = 0; at[2] < dims[2]; ++at[2]) {
          const std::int64_t* y = out.strides;
          const Runs<T> a = run(rows[0], instruction.in[0].strides, at);
          const Runs<T> b = run(rows[1], instruction.in[1].strides, at);
          add_runs(plan_.kernels, into + at[0] * y[0] + at[1] * y[1] + at[2] * y[2] + from * y[3],
                   y[3], a, instruction.inputs > 1 ? &b : nullptr, running, to - from);
        }
      }
    }
  }
}

template <class T>
void Block<T>::scatter(const Instruction& instruction, int begin, int end, int part, int parts,
                       const Scratch<T>&) {
  const Operand& index = instruction.in[0];
  const Operand& in = instruction.in[1];
  const Operand& out = instruction.out;
  T* into = call_.weight_grads[plan_.buffers[out.buffer].index] + out.offset;
  const auto [from, to] = share(instruction.dims[3], part, parts);
  for (int step = begin; step < end; ++step) {
    const int running = active(step, 0, rows_);
    const Rows<T> places = locate(index.buffer, step).plus(index.offset);
    const Rows<T> rows = locate(in.buffer, step).plus(in.offset + from * in.strides[3]);
    for (int r = 0; r < running; ++r) {
      std::int64_t place;
      std::memcpy(&place, places[r], sizeof place);
      if (place < 0 || place >= instruction.extra) continue;
      add_runs<T>(plan_.kernels, into + place * out.strides[2] + from * out.strides[3],
                  out.strides[3], {rows.from(r), in.strides[3]}, nullptr, 1, to - from);
    }
  }
}

template void Block<float>::run_weights(int, int, int, int, const Scratch<float>&);
template void Block<double>::run_weights(int, int, int, int, const Scratch<double>&);

}  // namespace recurra
