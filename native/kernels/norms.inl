// Layer norm and RMS norm over the last axis, and the gradient through them.
//
// With m = mean x, or 0 where a norm is not centred (extra = 0), and every sum in the fixed order of
// reductions.inl:
//
//   norm_scale   out = rsqrt(mean (x - m)^2 + epsilon)                     in: x, epsilon
//   standardize  out[i] = (x[i] - m) scale                                 in: x, scale
//   norm_slope   out[i] = (g[i] - v[i] mean(g v) - mean g) scale           in: g, v, scale
//
// rounded after each operation, but for g - v mean(g v), a fused multiply-add. epsilon and scale are
// one number a line. The bits of the first two are those of mean, sub, mul, add and rsqrt.
//
// Lines are taken a few at a time: one line's sum waits for itself, several do not for each other.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/reductions.inl"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

// So many that the running sums of twice as many fit the registers.
template <class T>
constexpr int kLines = Running<T>::kVectors >= 4 ? 1 : 4 / Running<T>::kVectors;

// The first lines of a batch, and where they are kept. out and in are moved to the line.
template <class T, int kIn>
struct Lines {
  T* out[kLines<T>];
  const T* in[kIn][kLines<T>];
};

// Calls work(i, count) for all of n elements, a vector at a time.
template <class T, class Work>
RECURRA_INLINE void along_line(std::int64_t n, Work work) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) work(i, kLanes<T>);
  if (i < n) work(i, static_cast<int>(n - i));
}

// Calls work.template of<count>(lines) for all lines, kLines of them at a time and then one by one.
template <class T, int kIn, class Work>
RECURRA_INLINE void for_lines(const Instruction& instruction, const Frame<T>& frame, Work work) {
  Lines<T, kIn> lines;
  int waiting = 0;
  for_each_line<T, kIn>(instruction, frame, [&](T* out, const T* const* in) {
    lines.out[waiting] = out;
    for (int k = 0; k < kIn; ++k) lines.in[k][waiting] = in[k];
    if (++waiting < kLines<T>) return;
    work.template of<kLines<T>>(lines);
    waiting = 0;
  });
  for (int line = 0; line < waiting; ++line) {
    for (int k = 0; k < kIn; ++k) lines.in[k][0] = lines.in[k][line];
    lines.out[0] = lines.out[line];
    work.template of<1>(lines);
  }
}

// Sums over several lines of what `element(line, i, count)` gives as vectors.
template <int kCount, class T, class Element>
RECURRA_INLINE void sums(T* totals, std::int64_t n, Element element) {
  constexpr int kVectors = Running<T>::kVectors;
  Running<T> running[kCount];
  for (int line = 0; line < kCount; ++line) {
    for (int v = 0; v < kVectors; ++v) running[line].sum[v] = Vec<T>{};
  }
  std::int64_t i = 0;
  for (; i + kOrder <= n; i += kOrder) {
    for (int line = 0; line < kCount; ++line) {
      for (int v = 0; v < kVectors; ++v) {
        running[line].sum[v] += element(line, i + v * kLanes<T>, kLanes<T>);
      }
    }
  }
  for (int v = 0; i < n; ++v, i += kLanes<T>) {
    const int count = static_cast<int>(n - i < kLanes<T> ? n - i : kLanes<T>);
    for (int line = 0; line < kCount; ++line) {
      const Vec<T> longer = running[line].sum[v] + element(line, i, count);
      running[line].sum[v] = first_lanes<T>(count) ? longer : running[line].sum[v];
    }
  }
  for (int line = 0; line < kCount; ++line) totals[line] = total_of(running[line]);
}

template <int kCount, class T>
RECURRA_INLINE void means(T* found, const T* const* x, std::int64_t n) {
  sums<kCount>(found, n,
               [x](int line, std::int64_t i, int count) { return load_up_to(x[line] + i, count); });
  for (int line = 0; line < kCount; ++line) found[line] /= static_cast<T>(n);
}

template <class T, bool kCentred>
struct NormScale {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 2>& lines) const {
    const T* const* x = lines.in[0];
    T mean[kCount] = {}, square[kLanes<T>] = {};
    if constexpr (kCentred) means<kCount>(mean, x, n);
    sums<kCount>(square, n, [&](int line, std::int64_t i, int count) {
      Vec<T> away = load_up_to(x[line] + i, count);
      if constexpr (kCentred) away -= splat(mean[line]);
      return away * away;
    });
    for (int line = 0; line < kCount; ++line) {
      square[line] = square[line] / static_cast<T>(n) + *lines.in[1][line];
    }
    T scale[kLanes<T>];
    store(scale, rsqrt<T>(load(square)));
    for (int line = 0; line < kCount; ++line) *lines.out[line] = scale[line];
  }
};

template <class T>
struct Standardize {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 2>& lines) const {
    T mean[kCount];
    means<kCount>(mean, lines.in[0], n);
    for (int line = 0; line < kCount; ++line) {
      const T* x = lines.in[0][line];
      T* out = lines.out[line];
      const Vec<T> m = splat(mean[line]), scale = splat(*lines.in[1][line]);
      along_line<T>(n, [=](std::int64_t i, int count) {
        store_up_to(out + i, (load_up_to(x + i, count) - m) * scale, count);
      });
    }
  }
};

template <class T, bool kCentred>
struct NormSlope {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 3>& lines) const {
    const T* const* gs = lines.in[0];
    const T* const* vs = lines.in[1];
    T mean[kCount] = {}, shared[kCount];
    if constexpr (kCentred) means<kCount>(mean, gs, n);
    sums<kCount>(shared, n, [&](int line, std::int64_t i, int count) {
      return load_up_to(gs[line] + i, count) * load_up_to(vs[line] + i, count);
    });
    for (int line = 0; line < kCount; ++line) {
      const T *g = gs[line], *v = vs[line];
      T* out = lines.out[line];
      const Vec<T> less = splat(-shared[line] / static_cast<T>(n)), m = splat(mean[line]);
      const Vec<T> scale = splat(*lines.in[2][line]);
      along_line<T>(n, [=](std::int64_t i, int count) {
        Vec<T> along = fma(load_up_to(v + i, count), less, load_up_to(g + i, count));
        if constexpr (kCentred) along -= m;
        store_up_to(out + i, along * scale, count);
      });
    }
  }
};

template <class T>
void norm_scale(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t n = instruction.dims[kDims - 1];
  if (instruction.extra != 0) {
    for_lines<T, 2>(instruction, frame, NormScale<T, true>{n});
  } else {
    for_lines<T, 2>(instruction, frame, NormScale<T, false>{n});
  }
}

template <class T>
void standardize(const Instruction& instruction, const Frame<T>& frame) {
  for_lines<T, 2>(instruction, frame, Standardize<T>{instruction.dims[kDims - 1]});
}

template <class T>
void norm_slope(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t n = instruction.dims[kDims - 1];
  if (instruction.extra != 0) {
    for_lines<T, 3>(instruction, frame, NormSlope<T, true>{n});
  } else {
    for_lines<T, 3>(instruction, frame, NormSlope<T, false>{n});
  }
}

}  // namespace recurra::RECURRA_ISA
