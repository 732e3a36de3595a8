// Vectors of one instruction set, as plain values with operators.
//
// A translation unit says which set it is compiled for by defining RECURRA_ISA, a namespace, before
// it includes this, so that no two sets share a function. + - * / < & | ^ ~ << >> and the choice
// `mask ? a : b` are the compiler's own vector extensions; here stands what they lack. Comparisons
// give vectors of whole numbers, 0 or -1 in each lane.
//
// Everything rounds to nearest even and treats subnormals as numbers: engine calls run under
// FloatingPointMode (plan/floating_point.h), whatever mode the caller was in.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__) || defined(__AVX512F__)
#if defined(__GNUC__) && !defined(__clang__)  // GCC 12 takes its own undefined vectors for mistakes
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#else
#include <cmath>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#endif

#ifndef RECURRA_ISA
#error "Define RECURRA_ISA before including simd.h"
#endif

#define RECURRA_INLINE static inline __attribute__((always_inline))

namespace recurra::RECURRA_ISA {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

using f32 = float __attribute__((vector_size(kBytes)));
using f64 = double __attribute__((vector_size(kBytes)));
using i32 = std::int32_t __attribute__((vector_size(kBytes)));
using i64 = std::int64_t __attribute__((vector_size(kBytes)));
using u32 = std::uint32_t __attribute__((vector_size(kBytes)));
using u64 = std::uint64_t __attribute__((vector_size(kBytes)));

template <class T>
struct Of;
template <>
struct Of<float> {
  using vector = f32;
  using integers = i32;
  using integer = std::int32_t;
};
template <>
struct Of<double> {
  using vector = f64;
  using integers = i64;
  using integer = std::int64_t;
};
template <class T>
using Vec = typename Of<T>::vector;
template <class T>
using Ints = typename Of<T>::integers;
template <class T>
using Int = typename Of<T>::integer;
template <class T>
constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));

// --- loads and stores; addresses need no alignment --------------------------------------------

template <class T>
RECURRA_INLINE Vec<T> load(const T* from) {
  Vec<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
RECURRA_INLINE void store(T* to, Vec<T> v) {
  std::memcpy(to, &v, sizeof v);
}

// The first `count` lanes, 0 <= count < lanes; the others are 0 and not touched in memory.
template <class T>
RECURRA_INLINE Vec<T> load_some(const T* from, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1u), from);
  } else {
    return (f64)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1u), from);
  }
#else
  Vec<T> v{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
  return v;
#endif
}

template <class T>
RECURRA_INLINE void store_some(T* to, Vec<T> v, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1u), (__m512)v);
  } else {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1u), (__m512d)v);
  }
#else
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
#endif
}

template <class T>
RECURRA_INLINE Vec<T> splat(T x) {
  return x - Vec<T>{};  // x - 0 is x for every x, -0 included, and compiles to one broadcast
}

// The first `count` lanes; all of them where there are more, and none where there are fewer than 0.
template <class T>
RECURRA_INLINE Vec<T> load_up_to(const T* from, int count) {
  return count >= kLanes<T> ? load(from) : load_some(from, count > 0 ? count : 0);
}

template <class T>
RECURRA_INLINE void store_up_to(T* to, Vec<T> v, int count) {
  if (count >= kLanes<T>) {
    store(to, v);
  } else if (count > 0) {
    store_some(to, v, count);
  }
}

// --- arithmetic the extensions lack -----------------------------------------------------------

// a * b + c, rounded once.
RECURRA_INLINE f32 fma(f32 a, f32 b, f32 c) {
#if defined(__AVX512F__)
  return (f32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (f32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (f32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  for (int k = 0; k < kLanes<float>; ++k) c[k] = std::fma(a[k], b[k], c[k]);
  return c;
#endif
}

RECURRA_INLINE f64 fma(f64 a, f64 b, f64 c) {
#if defined(__AVX512F__)
  return (f64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
  return (f64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON)
  return (f64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  for (int k = 0; k < kLanes<double>; ++k) c[k] = std::fma(a[k], b[k], c[k]);
  return c;
#endif
}

// Correctly rounded, as IEEE 754 demands.
RECURRA_INLINE f32 square_root(f32 x) {
#if defined(__AVX512F__)
  return (f32)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
  return (f32)_mm256_sqrt_ps((__m256)x);
#elif defined(__ARM_NEON)
  return (f32)vsqrtq_f32((float32x4_t)x);
#elif defined(__SSE2__)
  return (f32)_mm_sqrt_ps((__m128)x);
#else
  for (int k = 0; k < kLanes<float>; ++k) x[k] = std::sqrt(x[k]);
  return x;
#endif
}

RECURRA_INLINE f64 square_root(f64 x) {
#if defined(__AVX512F__)
  return (f64)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__)
  return (f64)_mm256_sqrt_pd((__m256d)x);
#elif defined(__ARM_NEON)
  return (f64)vsqrtq_f64((float64x2_t)x);
#elif defined(__SSE2__)
  return (f64)_mm_sqrt_pd((__m128d)x);
#else
  for (int k = 0; k < kLanes<double>; ++k) x[k] = std::sqrt(x[k]);
  return x;
#endif
}

// a < b ? a : b, and so b where either is not a number.
template <class T>
RECURRA_INLINE Vec<T> lesser(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm512_min_ps((__m512)a, (__m512)b);
  } else {
    return (f64)_mm512_min_pd((__m512d)a, (__m512d)b);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm256_min_ps((__m256)a, (__m256)b);
  } else {
    return (f64)_mm256_min_pd((__m256d)a, (__m256d)b);
  }
#else
  return a < b ? a : b;
#endif
}

// a > b ? a : b, and so b where either is not a number.
template <class T>
RECURRA_INLINE Vec<T> greater(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm512_max_ps((__m512)a, (__m512)b);
  } else {
    return (f64)_mm512_max_pd((__m512d)a, (__m512d)b);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm256_max_ps((__m256)a, (__m256)b);
  } else {
    return (f64)_mm256_max_pd((__m256d)a, (__m256d)b);
  }
#else
  return a > b ? a : b;
#endif
}

// --- rows to columns --------------------------------------------------------------------------

// The elements of both by turns, in a vector and the one after it.
template <class T, int... kLane>
RECURRA_INLINE void interleave(Vec<T> a, Vec<T> b, Vec<T>* to,
                               std::integer_sequence<int, kLane...>) {
  constexpr int kOther = kLanes<T>, kHalf = kLanes<T> / 2;
  to[0] = __builtin_shufflevector(a, b, (kLane / 2 + kLane % 2 * kOther)...);
  to[1] = __builtin_shufflevector(a, b, (kLane / 2 + kLane % 2 * kOther + kHalf)...);
}

// As many vectors as lanes: lane j of vector i becomes lane i of vector j.
template <class T>
RECURRA_INLINE void transpose(Vec<T>* rows) {
  constexpr int kHalf = kLanes<T> / 2;
  for (int stage = 1; stage < kLanes<T>; stage *= 2) {
    Vec<T> next[kLanes<T>];
    for (int i = 0; i < kHalf; ++i) {
      interleave<T>(rows[i], rows[i + kHalf], next + 2 * i,
                    std::make_integer_sequence<int, kLanes<T>>{});
    }
    for (int i = 0; i < kLanes<T>; ++i) rows[i] = next[i];
  }
}

// --- bits -------------------------------------------------------------------------------------

RECURRA_INLINE i32 bits(f32 x) { return (i32)x; }
RECURRA_INLINE i64 bits(f64 x) { return (i64)x; }
RECURRA_INLINE f32 as_float(i32 x) { return (f32)x; }
RECURRA_INLINE f64 as_float(i64 x) { return (f64)x; }

template <class T>
RECURRA_INLINE Ints<T> splat_int(Int<T> x) {
  return x - Ints<T>{};
}

// Sums and differences that wrap around, as those of signed numbers may not.
RECURRA_INLINE i32 wrapping_sum(i32 a, i32 b) { return (i32)((u32)a + (u32)b); }
RECURRA_INLINE i64 wrapping_sum(i64 a, i64 b) { return (i64)((u64)a + (u64)b); }
RECURRA_INLINE i32 wrapping_difference(i32 a, i32 b) { return (i32)((u32)a - (u32)b); }
RECURRA_INLINE i64 wrapping_difference(i64 a, i64 b) { return (i64)((u64)a - (u64)b); }

// Whether a comparison held in any lane.
RECURRA_INLINE bool any(i64 mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8((__m256i)mask) != 0;
#else
  std::int64_t found = 0;
  for (int k = 0; k < kLanes<double>; ++k) found |= mask[k];
  return found != 0;
#endif
}

// True in the first `count` lanes.
template <class T>
RECURRA_INLINE Ints<T> first_lanes(int count) {
  Ints<T> lane{};
  for (int k = 0; k < kLanes<T>; ++k) lane[k] = k;
  return lane < splat_int<T>(count);
}

// --- float as double and back -----------------------------------------------------------------

struct Halves {
  f64 low, high;
};

RECURRA_INLINE Halves widen(f32 x) {
#if defined(__AVX512F__)
  return {(f64)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)),
          (f64)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1))};
#elif defined(__AVX2__)
  return {(f64)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)),
          (f64)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1))};
#else
  Halves wide{};
  for (int k = 0; k < kLanes<double>; ++k) {
    wide.low[k] = x[k];
    wide.high[k] = x[k + kLanes<double>];
  }
  return wide;
#endif
}

// Rounded once, to nearest even; what is too large becomes infinite.
RECURRA_INLINE f32 narrow(Halves wide) {
#if defined(__AVX512F__)
  return (f32)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)wide.low)),
                                 _mm512_cvtpd_ps((__m512d)wide.high), 1);
#elif defined(__AVX2__)
  return (f32)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)wide.low)),
                                   _mm256_cvtpd_ps((__m256d)wide.high), 1);
#else
  f32 x{};
  for (int k = 0; k < kLanes<double>; ++k) {
    x[k] = static_cast<float>(wide.low[k]);
    x[k + kLanes<double>] = static_cast<float>(wide.high[k]);
  }
  return x;
#endif
}

}  // namespace recurra::RECURRA_ISA
