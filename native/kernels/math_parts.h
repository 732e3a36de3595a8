// What the elementary functions share: the layout of a number, polynomials, signs, powers of two.
//
// Only operations that IEEE 754 rounds exactly in every lane are used, in one order, so that each
// function has the same bits on every instruction set and in every lane.
#pragma once

#include <cstdint>

#include "kernels/math_coefficients.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

template <class T>
struct Number;
template <>
struct Number<float> {
  static constexpr int fraction_bits = 23;
  static constexpr std::int32_t bias = 127;
  static constexpr std::int32_t sign = INT32_MIN;
  static constexpr float rounder = 0x1.8p23f;  // added and taken away, it rounds to a whole number
  static constexpr float smallest_normal = 0x1p-126f;
  static constexpr float infinity = __builtin_inff();
  static constexpr float nan = __builtin_nanf("");
};
template <>
struct Number<double> {
  static constexpr int fraction_bits = 52;
  static constexpr std::int64_t bias = 1023;
  static constexpr std::int64_t sign = INT64_MIN;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double infinity = __builtin_inf();
  static constexpr double nan = __builtin_nan("");
};

// c[0] + c[1] x + c[2] x^2 + ...
template <class T, int N>
RECURRA_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[N]) {
  Vec<T> sum = splat<T>(c[N - 1]);
#pragma GCC unroll 32
  for (int k = N - 2; k >= 0; --k) sum = fma(sum, x, splat<T>(c[k]));
  return sum;
}

// The same by two interleaved chains, which take half the time to come through; `square` is x^2.
template <class T, int N>
RECURRA_INLINE Vec<T> polynomial(Vec<T> x, Vec<T> square, const T (&c)[N]) {
  static_assert(N >= 4);
  Vec<T> one = splat<T>(c[N - 1]), other = splat<T>(c[N - 2]);
#pragma GCC unroll 32
  for (int k = N - 3; k >= 0; --k) {
    const Vec<T> next = fma(one, square, splat<T>(c[k]));
    one = other;
    other = next;
  }
  return fma(one, x, other);
}

template <class T>
RECURRA_INLINE Vec<T> magnitude(Vec<T> x) {
  return as_float(bits(x) & ~Number<T>::sign);
}

template <class T>
RECURRA_INLINE Vec<T> with_sign_of(Vec<T> value, Vec<T> sign) {
  return as_float((bits(value) & ~Number<T>::sign) | (bits(sign) & Number<T>::sign));
}

// Whole numbers of at most 22 (51) bits, sign included.
template <class T>
RECURRA_INLINE Vec<T> from_whole(Ints<T> k) {
  constexpr T rounder = Number<T>::rounder;
  return as_float(wrapping_sum(k, bits(splat<T>(rounder)))) - rounder;
}

}  // namespace recurra::RECURRA_ISA
