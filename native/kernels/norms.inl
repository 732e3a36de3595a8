// Layer norm and RMS norm over the last axis, and the gradient through them.
//
// With m = mean x, or 0 where a norm is not centred (extra = 0), and every sum in the fixed order of
// lines.inl:
//
//   norm_scale   out = rsqrt(mean (x - m)^2 + epsilon)                     in: x, epsilon
//   standardize  out[i] = (x[i] - m) scale                                 in: x, scale
//   norm_slope   out[i] = (g[i] - v[i] mean(g v) - mean g) scale           in: g, v, scale
//
// rounded after each operation, but for g - v mean(g v), a fused multiply-add. epsilon and scale are
// one number a line. The bits of the first two are those of mean, sub, mul, add and rsqrt.
#pragma once

#include "kernels/kernels.h"
#include "kernels/lines.inl"
#include "kernels/math.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

// Calls work(i, count) for all of n elements, a vector at a time.
template <class T, class Work>
RECURRA_INLINE void along_line(std::int64_t n, Work work) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) work(i, kLanes<T>);
  if (i < n) work(i, static_cast<int>(n - i));
}

template <class T, bool kCentred>
struct NormScale {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 2>& lines) const {
    const T* const* x = lines.in[0];
    T mean[kLanes<T>], epsilon[kLanes<T>] = {}, scale[kLanes<T>];
    if constexpr (kCentred) store(mean, means_of<kCount>(x, n));
    for (int line = 0; line < kCount; ++line) epsilon[line] = *lines.in[1][line];
    const Vec<T> square = sums<kCount, T>(n, [&](int line, std::int64_t i, int count) {
      Vec<T> away = load_up_to(x[line] + i, count);
      if constexpr (kCentred) away -= splat(mean[line]);
      return away * away;
    });
    store(scale, rsqrt<T>(square / splat(static_cast<T>(n)) + load(epsilon)));
    for (int line = 0; line < kCount; ++line) *lines.out[line] = scale[line];
  }
};

template <class T>
struct Standardize {
  std::int64_t n;

  template <int kCount>
  RECURRA_ALWAYS_INLINE void of(const Lines<T, 2>& lines) const {
    T mean[kLanes<T>];
    store(mean, means_of<kCount>(lines.in[0], n));
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
    T mean[kLanes<T>] = {}, less[kLanes<T>];
    if constexpr (kCentred) store(mean, means_of<kCount>(gs, n));
    const Vec<T> shared = sums<kCount, T>(n, [&](int line, std::int64_t i, int count) {
      return load_up_to(gs[line] + i, count) * load_up_to(vs[line] + i, count);
    });
    store(less, -shared / splat(static_cast<T>(n)));
    for (int line = 0; line < kCount; ++line) {
      const T *g = gs[line], *v = vs[line];
      T* out = lines.out[line];
      const Vec<T> along_v = splat(less[line]), m = splat(mean[line]);
      const Vec<T> scale = splat(*lines.in[2][line]);
      along_line<T>(n, [=](std::int64_t i, int count) {
        Vec<T> along = fma(load_up_to(v + i, count), along_v, load_up_to(g + i, count));
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
