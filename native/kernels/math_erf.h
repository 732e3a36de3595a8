// erf, and gelu in its erf form.
//
//   erfc(y) = exp(-y^2) P(q) / (y + 3), q = (y - 3)/(y + 3), y >= 0
#pragma once

#include "kernels/math_exp.h"

namespace recurra::RECURRA_ISA {

template <class T>
struct ErfLimits;
template <>
struct ErfLimits<float> {
  static constexpr float one_above = 4.0f;
  static constexpr float share_zero_above = 14.5f;
};
template <>
struct ErfLimits<double> {
  static constexpr double one_above = 6.0;
  static constexpr double share_zero_above = 39.0;
};

// exp(y^2) erfc(y), y >= 0
template <class T>
RECURRA_INLINE Vec<T> scaled_erfc(Vec<T> y) {
  const Vec<T> t = T(1) / (y + T(3));
  const Vec<T> q = fma(t, splat<T>(-6), splat<T>(1));
  return t * polynomial<T>(q, Erfcx<T>::c);
}

template <class T>
RECURRA_INLINE Vec<T> erf(Vec<T> x) {
  constexpr T limit = ErfLimits<T>::one_above;
  const Vec<T> a = magnitude<T>(x);
  const Vec<T> near = fma(a, polynomial<T>(a * a, ErfRest<T>::c), a);
  const Vec<T> clamped = a > limit ? splat<T>(limit) : a;
  const Vec<T> e = lifted_exp<T>(clamped * -clamped) * ExpLimits<T>::unlift;
  const Vec<T> far = fma(scaled_erfc<T>(clamped), -e, splat<T>(1));
  return with_sign_of<T>(a < 1 ? near : far, x);
}

// x times the share of the normal law below x, which is erfc(-x / sqrt 2) / 2. The share of the tail is
// kept lifted, so that its product with x has all its digits where the share is subnormal, and
// exp(-x^2/2) is told what was rounded off x^2.
template <class T>
RECURRA_INLINE Vec<T> gelu(Vec<T> x) {
  constexpr T limit = ErfLimits<T>::share_zero_above;
  constexpr T root_half = T(0.70710678118654752440);
  const Vec<T> a = magnitude<T>(x);
  const Vec<T> y = a > limit ? splat<T>(limit) : a;
  const Vec<T> square = y * y;
  const Vec<T> lost = fma(y, y, -square);
  const Exponential<T> exponent =
      exponential<T>(square * T(-0.5), Number<T>::bias + ExpLimits<T>::lift);
  const Vec<T> power = power_of_two<T>(exponent.n_bits);
  const Vec<T> e = fma(exponent.w, power, power);
  const Vec<T> whole = scaled_erfc<T>(y * root_half) * e * T(0.5);
  const Vec<T> tail = fma(whole * lost, splat<T>(-0.5), whole);
  const Vec<T> above = x * fma(tail, splat<T>(-ExpLimits<T>::unlift), splat<T>(1));
  const Vec<T> below = x * tail * ExpLimits<T>::unlift;
  const Vec<T> far = x < 0 ? x * T(0) : x;
  return a > limit ? far : (x < 0 ? below : above);
}

}  // namespace recurra::RECURRA_ISA
