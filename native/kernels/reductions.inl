// Ops over the last axis, joined in the order of lines.inl, and products with matrices that each row
// holds.
#pragma once

#include "kernels/kernels.h"
#include "kernels/lines.inl"
#include "kernels/math.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

// Joins n elements that `element(i, count)` gives as vectors, in the fixed order.
template <class T, class Element, class Join, class JoinLanes>
RECURRA_INLINE T reduced(std::int64_t n, T start, Element element, Join join,
                         JoinLanes join_lanes) {
  Running<T> running;
  for (int v = 0; v < Running<T>::kVectors; ++v) running.sum[v] = splat<T>(start);
  std::int64_t i = 0;
  for (; i + kOrder <= n; i += kOrder) {
    for (int v = 0; v < Running<T>::kVectors; ++v) {
      running.sum[v] = join(running.sum[v], element(i + v * kLanes<T>, kLanes<T>));
    }
  }
  for (int v = 0; i < n; ++v, i += kLanes<T>) {
    const std::int64_t rest = n - i;
    if (rest >= kLanes<T>) {
      running.sum[v] = join(running.sum[v], element(i, kLanes<T>));
      continue;
    }
    const Vec<T> joined = join(running.sum[v], element(i, static_cast<int>(rest)));
    T lanes[kLanes<T>];
    store(lanes, running.sum[v]);
    T all[kLanes<T>];
    store(all, joined);
    for (int k = 0; k < rest; ++k) lanes[k] = all[k];
    running.sum[v] = load(lanes);
  }
  return Running<T>::halve(running, join_lanes);
}

template <class T>
RECURRA_INLINE T larger_of(T a, T b) {
  return a != a ? a : b != b ? b : a < b ? b : a;
}

template <class T>
RECURRA_INLINE T largest_of(const T* x, std::int64_t n) {
  return reduced<T>(
      n, *x,
      [x](std::int64_t i, int count) {
        return count == kLanes<T> ? load(x + i) : load_some(x + i, count);
      },
      [](Vec<T> a, Vec<T> b) { return maximum<T>(a, b); },
      [](T a, T b) { return larger_of<T>(a, b); });
}

// sum of a[i] b[i], fused, in the fixed order.
template <class T>
RECURRA_INLINE T dot(const T* a, const T* b, std::int64_t n) {
  Running<T> running;
  for (int v = 0; v < Running<T>::kVectors; ++v) running.sum[v] = Vec<T>{};
  for (std::int64_t i = 0; i < n; i += kOrder) {
    for (int v = 0; v < Running<T>::kVectors; ++v) {
      const std::int64_t from = i + v * kLanes<T>;
      const std::int64_t rest = n - from;
      if (rest >= kLanes<T>) {
        running.sum[v] = fma(load(a + from), load(b + from), running.sum[v]);
      } else if (rest > 0) {
        const int count = static_cast<int>(rest);
        running.sum[v] =
            fma(load_some(a + from, count), load_some(b + from, count), running.sum[v]);
      }
    }
  }
  return Running<T>::halve(running, [](T x, T y) { return x + y; });
}

template <class T, bool kMean>
struct Sum {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 1>& lines) const {
    T found[kLanes<T>];
    store(found, kMean ? means_of<kCount>(lines.in[0], n) : sums_of<kCount>(lines.in[0], n));
    for (int line = 0; line < kCount; ++line) *lines.out[line] = found[line];
  }
};

template <class T>
void sum(const Instruction& instruction, const Frame<T>& frame) {
  for_lines<T, 1>(instruction, frame, Sum<T, false>{instruction.dims[kDims - 1]});
}

template <class T>
void mean(const Instruction& instruction, const Frame<T>& frame) {
  for_lines<T, 1>(instruction, frame, Sum<T, true>{instruction.dims[kDims - 1]});
}

template <class T>
void largest(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t n = instruction.dims[kDims - 1];
  for_each_line<T, 1>(instruction, frame,
                      [n](T* out, const T* const* in) { *out = largest_of(in[0], n); });
}

// out[i] = sum over j of matrix[i, j] vector[j]. dims: rows and columns of the matrix last; the
// matrix's third stride goes from row to row. The vector lies together.
template <class T>
void matvec(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t columns = instruction.dims[kDims - 1];
  for_each_line<T, 2>(instruction, frame,
                      [columns](T* out, const T* const* in) { *out = dot(in[0], in[1], columns); });
}

// out[j] = sum over i of matrix[i, j] vector[i], in ascending i. dims: (1, 1, i, j).
template <class T>
void matvec_transposed(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t rows = instruction.dims[2], columns = instruction.dims[3];
  const Operand& matrix = instruction.in[0];
  const Operand& vector = instruction.in[1];
  for (int row = frame.first; row < frame.first + frame.rows; ++row) {
    const T* m = frame.buffers[matrix.buffer][row] + matrix.offset;
    const T* x = frame.buffers[vector.buffer][row] + vector.offset;
    T* out = frame.buffers[instruction.out.buffer][row] + instruction.out.offset;
    for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
      const int count = static_cast<int>(columns - j < kLanes<T> ? columns - j : kLanes<T>);
      Vec<T> total{};
      for (std::int64_t i = 0; i < rows; ++i) {
        const T* from = m + i * matrix.strides[2] + j;
        const Vec<T> line = count == kLanes<T> ? load(from) : load_some(from, count);
        total = fma(line, splat<T>(x[i * vector.strides[2]]), total);
      }
      if (count == kLanes<T>) {
        store(out + j, total);
      } else {
        store_some(out + j, total, count);
      }
    }
  }
}

// 1 at the index, 0 elsewhere, all 0 for an index outside. Indices are 64-bit whole numbers.
template <class T>
void one_hot(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t size = instruction.extra;
  for (int row = frame.first; row < frame.first + frame.rows; ++row) {
    const T* from = frame.buffers[instruction.in[0].buffer][row] + instruction.in[0].offset;
    T* out = frame.buffers[instruction.out.buffer][row] + instruction.out.offset;
    std::int64_t index;
    std::memcpy(&index, from, sizeof index);
    for (std::int64_t i = 0; i < size; ++i) out[i] = i == index ? T(1) : T(0);
  }
}

// The row of a matrix that an index names; zeros for an index outside. in: index, matrix.
template <class T>
void gather(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t size = instruction.extra, n = instruction.dims[kDims - 1];
  const Operand& matrix = instruction.in[1];
  for (int row = frame.first; row < frame.first + frame.rows; ++row) {
    const T* from = frame.buffers[instruction.in[0].buffer][row] + instruction.in[0].offset;
    T* out = frame.buffers[instruction.out.buffer][row] + instruction.out.offset;
    std::int64_t index;
    std::memcpy(&index, from, sizeof index);
    const bool inside = index >= 0 && index < size;
    const T* line = frame.buffers[matrix.buffer][row] + matrix.offset;
    if (inside) line += index * matrix.strides[2];
    for (std::int64_t i = 0; i < n; ++i) out[i] = inside ? line[i * matrix.strides[3]] : T(0);
  }
}

}  // namespace recurra::RECURRA_ISA
