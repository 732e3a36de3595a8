// tanh.
//
//   |x| = n ln(2)/2 + r                     n whole, |r| <= ln(2)/4
//   w = (exp(2 r) - 1)/2 = r + r^2 P(r)
//   h = (exp(2 |x|) - 1)/2 = 2^n w + (2^n - 1)/2
//   tanh|x| = h / (h + 1)
//
// Where n is 0, h is w as it is; where n is large, an error of h leaves the quotient near 1 alone,
// and so ln(2)/2 needs no second part. It never rises above 1, since h is not above h + 1.
#pragma once

#include "kernels/math_exp.h"

namespace recurra::RECURRA_ISA {

template <class T>
constexpr T kTanhOneAbove = sizeof(T) == 4 ? T(10) : T(20);

template <class T>
RECURRA_INLINE Vec<T> tanh(Vec<T> x) {
  constexpr T rounder = Number<T>::rounder + static_cast<T>(Number<T>::bias);
  const Vec<T> a = lesser<T>(splat<T>(kTanhOneAbove<T>), magnitude<T>(x));
  const Vec<T> t = fma(a, splat<T>(2 * ExpLimits<T>::log2_e), splat<T>(rounder));
  const Vec<T> n = t - rounder;
  const Vec<T> r = fma(n, splat<T>(-Ln2<T>::c[0] / 2), a);
  const Vec<T> square = r * r;
  const Vec<T> w = fma(square, polynomial<T>(r, square, HalfExpm1Rest<T>::c), r);
  const Vec<T> power = power_of_two<T>(bits(t));
  const Vec<T> h = fma(w, power, fma(power, splat<T>(T(0.5)), splat<T>(T(-0.5))));
  return as_float(bits(h / (h + T(1))) | (bits(x) & Number<T>::sign));
}

}  // namespace recurra::RECURRA_ISA
