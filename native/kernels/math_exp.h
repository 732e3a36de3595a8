// exp, and what is made of it: tanh, sigmoid, silu.
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
  static constexpr float one_above = 10.0f;  // tanh
  static constexpr int lift = 64;
  static constexpr float unlift = 0x1p-64f;
};
template <>
struct ExpLimits<double> {
  static constexpr double log2_e = 0x1.71547652b82fep+0;
  static constexpr double zero_below = -746.0;
  static constexpr double infinite_above = 710.0;
  static constexpr double one_above = 20.0;
  static constexpr int lift = 512;
  static constexpr double unlift = 0x1p-512;
};

// exp(x) = 2^n (1 + w), for a number x that is not far beyond the limits.
template <class T>
struct Exponential {
  Vec<T> w;
  Ints<T> n_bits;  // n + added in its lowest bits, what else is in it leaves by a shift to the exponent
};

template <class T>
RECURRA_INLINE Vec<T> exp_minus_one(Vec<T> r) {
  return fma(r * r, polynomial<T>(r, ExpRest<T>::c), r);
}

template <class T>
RECURRA_INLINE Exponential<T> exponential(Vec<T> x, int added) {
  const T rounder = Number<T>::rounder + static_cast<T>(added);
  const Vec<T> t = fma(x, splat<T>(ExpLimits<T>::log2_e), splat<T>(rounder));
  const Vec<T> n = t - rounder;
  Vec<T> r = fma(n, splat<T>(-Ln2<T>::c[0]), x);
  r = fma(n, splat<T>(-Ln2<T>::c[1]), r);
  return {exp_minus_one<T>(r), bits(t)};
}

// 2^(n + k), where `added` was bias + k and the power is a normal number.
template <class T>
RECURRA_INLINE Vec<T> power_of_two(Ints<T> n_bits) {
  return as_float(n_bits << Number<T>::fraction_bits);
}

// 2^n (1 + w) for any n that exp can meet: by two steps, as 2^n itself may be out of range.
template <class T>
RECURRA_INLINE Vec<T> scaled(Exponential<T> e) {
  constexpr int shift = Number<T>::fraction_bits;
  constexpr Int<T> one = Number<T>::bias << shift;
  const Ints<T> n = e.n_bits << shift;
  const Ints<T> half = (e.n_bits << (shift - 1)) & (Number<T>::sign | (one << 1));
  const Vec<T> first = as_float(half + one);
  const Vec<T> second = as_float(n - half + one);
  return fma(e.w, first, first) * second;
}

template <class T>
RECURRA_INLINE Vec<T> exp(Vec<T> x) {
  using Limits = ExpLimits<T>;
  x = x < Limits::zero_below ? splat<T>(Limits::zero_below) : x;
  x = x > Limits::infinite_above ? splat<T>(Limits::infinite_above) : x;
  return scaled<T>(exponential<T>(x, 0));
}

// exp(x) 2^lift for x <= 0, which is a normal number down to where exp(x) is 0.
template <class T>
RECURRA_INLINE Vec<T> lifted_exp(Vec<T> x) {
  using Limits = ExpLimits<T>;
  x = x < Limits::zero_below ? splat<T>(Limits::zero_below) : x;
  const Exponential<T> e = exponential<T>(x, Number<T>::bias + Limits::lift);
  const Vec<T> power = power_of_two<T>(e.n_bits);
  return fma(e.w, power, power);
}

// exp(-|x|)
template <class T>
RECURRA_INLINE Vec<T> exp_of_minus_magnitude(Vec<T> x) {
  return lifted_exp<T>(as_float(bits(x) | Number<T>::sign)) * ExpLimits<T>::unlift;
}

// 1 / (1 + exp(-x)), from the side where exp is small.
template <class T>
RECURRA_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> e = exp_of_minus_magnitude<T>(x);
  return (x >= 0 ? splat<T>(1) : e) / (e + T(1));
}

// tanh|x| = -m / (2 + m), where m = exp(-2|x|) - 1.
template <class T>
RECURRA_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> a = magnitude<T>(x);
  const Vec<T> clamped = a > ExpLimits<T>::one_above ? splat<T>(ExpLimits<T>::one_above) : a;
  const Exponential<T> e = exponential<T>(clamped * T(-2), Number<T>::bias);
  const Vec<T> power = power_of_two<T>(e.n_bits);
  const Vec<T> m = fma(e.w, power, power - T(1));
  return with_sign_of<T>(m / (m + T(2)), x);
}

// x sigmoid(x). Lifted, so that x exp(x) has all its digits where exp(x) is subnormal.
template <class T>
RECURRA_INLINE Vec<T> silu(Vec<T> x) {
  using Limits = ExpLimits<T>;
  const Vec<T> floor = splat<T>(Limits::zero_below * T(1.5));
  const Vec<T> down = as_float(bits(x) | Number<T>::sign);
  const Exponential<T> exponent =
      exponential<T>(down < floor ? floor : down, Number<T>::bias + Limits::lift);
  const Vec<T> power = power_of_two<T>(exponent.n_bits);
  const Vec<T> lifted = fma(exponent.w, power, power);
  const Vec<T> below = fma(lifted, splat<T>(Limits::unlift), splat<T>(1));
  const Ints<T> positive = x >= 0;
  const Vec<T> y = (x * (positive ? splat<T>(1) : lifted)) / below;
  const Vec<T> value = y * (positive ? splat<T>(1) : splat<T>(Limits::unlift));
  return x < floor ? x * T(0) : value;
}

}  // namespace recurra::RECURRA_ISA
