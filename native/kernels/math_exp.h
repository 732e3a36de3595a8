// exp, and what is made of it: sigmoid, silu.
//
//   x = n ln 2 + r, |r| <= ln(2)/2       n whole, two-part ln 2
//   exp(x) = 2^n (1 + w)                 w = exp(r) - 1 = r + r^2 P(r)
#pragma once

#include "kernels/math_parts.h"

namespace recurra::RECURRA_ISA {

template <class T>
struct ExpLimits;
template <>
struct ExpLimits<float> {
  static constexpr float log2_e = 0x1.715476p+0f;
  static constexpr float zero_below = -104.0f;
  static constexpr float infinite_above = 89.0f;
  static constexpr float silu_zero_below = -110.0f;
  static constexpr int lift = 64;
  static constexpr float unlift = 0x1p-64f;
};
template <>
struct ExpLimits<double> {
  static constexpr double log2_e = 0x1.71547652b82fep+0;
  static constexpr double zero_below = -746.0;
  static constexpr double infinite_above = 710.0;
  static constexpr double silu_zero_below = -755.0;
  static constexpr int lift = 512;
  static constexpr double unlift = 0x1p-512;
};

// exp(x) = 2^n (1 + w), for a number x that is not far beyond the limits.
template <class T>
struct Exponential {
  Vec<T> w, n;
  Ints<T> n_bits;  // n + added in the lowest bits; a shift to the exponent drops the rest
};

template <class T>
RECURRA_INLINE Vec<T> exp_minus_one(Vec<T> r) {
  const Vec<T> square = r * r;
  return fma(square, polynomial<T>(r, square, ExpRest<T>::c), r);
}

// Of x + low, where low is small beside the last place of 1.
template <class T>
RECURRA_INLINE Exponential<T> exponential(Vec<T> x, Vec<T> low, int added) {
  const T rounder = Number<T>::rounder + static_cast<T>(added);
  const Vec<T> t = fma(x, splat<T>(ExpLimits<T>::log2_e), splat<T>(rounder));
  const Vec<T> n = t - rounder;
  Vec<T> r = fma(n, splat<T>(-Ln2<T>::c[0]), x);
  r = fma(n, splat<T>(-Ln2<T>::c[1]), r) + low;
  return {exp_minus_one<T>(r), n, bits(t)};
}

template <class T>
RECURRA_INLINE Exponential<T> exponential(Vec<T> x, int added) {
  return exponential<T>(x, splat<T>(-T(0)), added);  // adding -0 changes nothing, and is left out
}

// 2^(n + k), where `added` was bias + k and the power is a normal number.
template <class T>
RECURRA_INLINE Vec<T> power_of_two(Ints<T> n_bits) {
  return as_float(n_bits << Number<T>::fraction_bits);
}

// 2^n (1 + w) for any n that exp can meet. By two steps, as 2^n itself may be out of range: the
// first is exact but for the rounding of 1 + w, the second rounds once more only to a subnormal
// number, and so AVX-512's own scaling has the same bits.
template <class T>
RECURRA_INLINE Vec<T> scaled(Exponential<T> e) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (f32)_mm512_scalef_ps((__m512)(e.w + 1.0f), (__m512)e.n);
  } else {
    return (f64)_mm512_scalef_pd((__m512d)(e.w + 1.0), (__m512d)e.n);
  }
#else
  constexpr int shift = Number<T>::fraction_bits;
  constexpr Int<T> one = Number<T>::bias << shift;
  const Ints<T> n = e.n_bits << shift;
  const Ints<T> half = (e.n_bits << (shift - 1)) & (Number<T>::sign | (one << 1));
  const Ints<T> zeroth = splat_int<T>(one);  // the bits of 2^0
  const Vec<T> first = as_float(wrapping_sum(half, zeroth));
  const Vec<T> second = as_float(wrapping_sum(wrapping_difference(n, half), zeroth));
  return fma(e.w, first, first) * second;
#endif
}

template <class T>
RECURRA_INLINE Vec<T> exp(Vec<T> x) {
  using Limits = ExpLimits<T>;
  x = greater<T>(splat<T>(Limits::zero_below), x);
  x = lesser<T>(splat<T>(Limits::infinite_above), x);
  return scaled<T>(exponential<T>(x, 0));
}

// exp(x) 2^lift for x <= 40, which is a normal number down to where exp(x) is 0.
template <class T>
RECURRA_INLINE Vec<T> lifted_exp(Vec<T> x) {
  using Limits = ExpLimits<T>;
  x = greater<T>(splat<T>(Limits::zero_below), x);
  const Exponential<T> e = exponential<T>(x, Number<T>::bias + Limits::lift);
  const Vec<T> power = power_of_two<T>(e.n_bits);
  return fma(e.w, power, power);
}

// exp(x) for x <= 40.
template <class T>
RECURRA_INLINE Vec<T> exp_up_to_40(Vec<T> x) {
#if defined(__AVX512F__)
  return scaled<T>(exponential<T>(greater<T>(splat<T>(ExpLimits<T>::zero_below), x), 0));
#else
  return lifted_exp<T>(x) * ExpLimits<T>::unlift;
#endif
}

// exp(-|x|)
template <class T>
RECURRA_INLINE Vec<T> exp_of_minus_magnitude(Vec<T> x) {
  return exp_up_to_40<T>(as_float(bits(x) | Number<T>::sign));
}

// e / (1 + e), where e = exp(x). It is 1 from x = 40 on, and never more, since e is not above 1 + e.
template <class T>
RECURRA_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> e = exp_up_to_40<T>(lesser<T>(splat<T>(40), x));
  return e / (e + T(1));
}

// x sigmoid(x). With e = exp(-|x|) and q = e / (1 + e), sigmoid(x) is 1 - q for x >= 0 and e (1 - q)
// below, and q, which is at most 1/2, brings in less of its rounding errors than a quotient would.
// Lifted, so that x exp(x) has all its digits where exp(x) is subnormal.
template <class T>
RECURRA_INLINE Vec<T> silu(Vec<T> x) {
  using Limits = ExpLimits<T>;
  const Vec<T> floor = splat<T>(Limits::silu_zero_below);
  const Vec<T> down = as_float(bits(x) | Number<T>::sign);
  const Exponential<T> exponent =
      exponential<T>(greater<T>(down, floor), Number<T>::bias + Limits::lift);
  const Vec<T> power = power_of_two<T>(exponent.n_bits);
  const Vec<T> lifted = fma(exponent.w, power, power);
  const Vec<T> e = lifted * Limits::unlift;
  const Vec<T> minus_q = e / (T(-1) - e);
  const Ints<T> positive = x >= 0;
  const Vec<T> whole = positive ? splat<T>(1) : lifted;
  const Vec<T> scale = positive ? splat<T>(1) : splat<T>(Limits::unlift);
  const Vec<T> value = (x * fma(whole, minus_q, whole)) * scale;
  return x < floor ? x * T(0) : value;
}

}  // namespace recurra::RECURRA_ISA
