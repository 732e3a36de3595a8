// log, and softplus.
//
//   x = 2^k m, m about 1;  log(x) = k ln 2 + log(1 + f), f = m - 1
#pragma once

#include "kernels/math_exp.h"

namespace recurra::RECURRA_ISA {

template <class T>
struct LogRange;
template <>
struct LogRange<float> {
  static constexpr std::int32_t least = 0x3f2aaaab;  // 2/3 <= m < 4/3
};
template <>
struct LogRange<double> {
  static constexpr std::int64_t least = 0x3fe6a09e667f3bcd;  // sqrt(1/2) <= m < sqrt(2)
};

template <class T>
struct Split {
  Vec<T> k, m;
};

// x = 2^k m for positive finite x, subnormal or not.
template <class T>
RECURRA_INLINE Split<T> split_exponent(Vec<T> x) {
  constexpr int shift = Number<T>::fraction_bits;
  const Ints<T> tiny = x < Number<T>::smallest_normal;
  const Ints<T> whole = bits(tiny ? x * static_cast<T>(Int<T>(1) << shift) : x);
  const Ints<T> k = wrapping_difference(whole, splat_int<T>(LogRange<T>::least)) >> shift;
  const Vec<T> lifted = tiny ? splat<T>(shift) : splat<T>(0);
  return {from_whole<T>(k) - lifted, as_float(wrapping_difference(whole, k << shift))};
}

// log(1 + f) + k ln 2
RECURRA_INLINE f32 log_of_split(f32 k, f32 f) {
  const f32 square = f * f;
  const f32 rest = fma(f, polynomial<float>(f, square, LogRest<float>::c), splat<float>(-0.5f));
  const f32 small = fma(square, rest, k * Ln2<float>::c[1]);
  return fma(k, splat<float>(Ln2<float>::c[0]), f + small);
}

// With s = f / (2 + f): log(1 + f) = 2 s + s R(s^2) = f - (f^2/2 - s (f^2/2 + R)), whose rounding
// errors are all small beside f.
RECURRA_INLINE f64 log_of_split(f64 k, f64 f) {
  const f64 s = f / (f + 2.0);
  const f64 z = s * s;
  const f64 half_square = f * f * 0.5;
  const f64 rest = z * polynomial<double>(z, z * z, AtanhRest<double>::c);
  const f64 small = fma(s, half_square + rest, k * Ln2<double>::c[1]);
  return fma(k, splat<double>(Ln2<double>::c[0]), f - (half_square - small));
}

template <class T>
RECURRA_INLINE Vec<T> log(Vec<T> x) {
  constexpr T infinity = Number<T>::infinity;
  const Split<T> split = split_exponent<T>(x);
  const Vec<T> value = log_of_split(split.k, split.m - T(1));
  const Vec<T> of_rest = x < 0 ? splat<T>(Number<T>::nan) : x;  // inf, NaN
  const Vec<T> special = x == 0 ? splat<T>(-infinity) : of_rest;
  return ((x > 0) & (x < infinity)) ? value : special;
}

// log(1 + e) for 0 <= e <= 1
RECURRA_INLINE f32 log1p_of_share(f32 e) {
  return fma(e * e, polynomial<float>(e, Log1pRest<float>::c), e);
}

RECURRA_INLINE f64 log1p_of_share(f64 e) {
  const f64 s = e / (e + 2.0);
  const f64 z = s * s;
  return fma(s, splat<double>(2.0), s * z * polynomial<double>(z, z * z, AtanhWideRest<double>::c));
}

// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
template <class T>
RECURRA_INLINE Vec<T> softplus(Vec<T> x) {
  return (x > 0 ? x : splat<T>(0)) + log1p_of_share(exp_of_minus_magnitude<T>(x));
}

}  // namespace recurra::RECURRA_ISA
