// erf, and gelu in its erf form.
//
// The normal law's tail, for a >= 0 and the pivot p = 4.25:
//
//   erfc(a / sqrt 2) / 2 = exp(-a^2/2) P(q) / (a + p), q = (a - p)/(a + p)
#pragma once

#include "kernels/math_exp.h"

namespace recurra::RECURRA_ISA {

template <class T>
struct ErfLimits;
template <>
struct ErfLimits<float> {
  static constexpr float one_above = 4.0f;
  static constexpr float tail_zero_above = 14.5f;
};
template <>
struct ErfLimits<double> {
  static constexpr double one_above = 6.0;
  static constexpr double tail_zero_above = 39.0;
};

// exp(a^2/2) erfc(a / sqrt 2) / 2, a >= 0. What rounding took from 1 / (a + p) is given back, as q
// would magnify it.
template <class T>
RECURRA_INLINE Vec<T> scaled_tail(Vec<T> a) {
  constexpr T pivot = T(4.25);
  const Vec<T> rough = T(1) / (a + pivot);
  const Vec<T> rest = fma(rough, -a, fma(rough, splat<T>(-pivot), splat<T>(1)));
  const Vec<T> t = fma(rough, rest, rough);
  const Vec<T> q = fma(t, splat<T>(-2 * pivot), splat<T>(1));
  return t * polynomial<T>(q, NormalTail<T>::c);
}

template <class T>
RECURRA_INLINE Vec<T> erf(Vec<T> x) {
  const Vec<T> a = magnitude<T>(x);
  const Vec<T> square = a * a;
  const Vec<T> near = fma(a, polynomial<T>(square, square * square, ErfRest<T>::c), a);
  const Vec<T> y = lesser<T>(splat<T>(ErfLimits<T>::one_above), a);
  const Vec<T> e = lifted_exp<T>(y * -y) * (T(-2) * ExpLimits<T>::unlift);
  const Vec<T> far = fma(scaled_tail<T>(y * T(1.41421356237309504880)), e, splat<T>(1));
  return with_sign_of<T>(a < 1 ? near : far, x);
}

// x times the share of the normal law below x. The share of the tail is kept lifted, so that its
// product with x has all its digits where the share is subnormal, and exp(-x^2/2) is told what was
// rounded off x^2.
template <class T>
RECURRA_INLINE Vec<T> gelu(Vec<T> x) {
  using Limits = ExpLimits<T>;
  constexpr T limit = ErfLimits<T>::tail_zero_above;
  const Vec<T> a = lesser<T>(magnitude<T>(x), splat<T>(limit));
  const Vec<T> square = a * a;
  const Vec<T> lost = fma(a, a, -square);
  const Exponential<T> e =
      exponential<T>(square * T(-0.5), lost * T(-0.5), Number<T>::bias + Limits::lift);
  const Vec<T> scale = scaled_tail<T>(a);
  const Vec<T> tail = fma(scale, e.w, scale) * power_of_two<T>(e.n_bits);
  const Vec<T> above = x * fma(tail, splat<T>(-Limits::unlift), splat<T>(1));
  const Vec<T> below = (x * tail) * Limits::unlift;
  const Vec<T> far = x < 0 ? below : above;
  const Vec<T> near = x * fma(x, polynomial<T>(square, NormalRest<T>::c), splat<T>(0.5));
  const Vec<T> value = a < T(0.5) ? near : far;
  return x < -limit ? x * T(0) : value;
}

}  // namespace recurra::RECURRA_ISA
