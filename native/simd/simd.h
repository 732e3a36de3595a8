// Vectors of one instruction set, as plain values with operators.
//
// A translation unit says which set it is compiled for by defining RECURRA_ISA, a namespace, before it
// includes this, so that no two sets share a function. + - * / < & | ^ ~ << >> and the choice
// `mask ? a : b` are the compiler's own vector extensions; here stands what they lack. Comparisons
// give vectors of whole numbers, 0 or -1 in each lane.
//
// Everything rounds to nearest even and treats subnormals as numbers: engine calls run under
// FloatingPointMode (plan/floating_point.h), whatever mode the caller was in.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
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

// --- loads and stores; addresses need no alignment -------------------------------------------------

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

// --- arithmetic the extensions lack ----------------------------------------------------------------

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

// Correctly rounded, as IEEE 754 demands. (g++ 12 warns of its own unmasked _mm512_sqrt.)
RECURRA_INLINE f32 square_root(f32 x) {
#if defined(__AVX512F__)
  return (f32)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
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
  return (f64)_mm512_maskz_sqrt_pd(0xff, (__m512d)x);
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

// --- bits ------------------------------------------------------------------------------------------

RECURRA_INLINE i32 bits(f32 x) { return (i32)x; }
RECURRA_INLINE i64 bits(f64 x) { return (i64)x; }
RECURRA_INLINE f32 as_float(i32 x) { return (f32)x; }
RECURRA_INLINE f64 as_float(i64 x) { return (f64)x; }

template <class T>
RECURRA_INLINE Ints<T> splat_int(Int<T> x) {
  return x - Ints<T>{};
}

}  // namespace recurra::RECURRA_ISA
