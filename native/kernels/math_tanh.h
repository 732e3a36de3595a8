// tanh.
//
//   |x| = n ln 2 + r, n whole and 0 up to 0.5495, -0.145 < r < 0.551
//   t = tanh(r) = r + r^3 P(r^2), s = exp(-2 n ln 2) = 4^-n
//   tanh|x| = t                                        where n is 0
//           = 1 - 2 u / ((1 + t) + u), u = s (1 - t)   elsewhere, where it is at least 1/2
#pragma once

#include "kernels/math_exp.h"

namespace recurra::RECURRA_ISA {

template <class T>
constexpr T kTanhOneAbove = sizeof(T) == 4 ? T(10) : T(20);

template <class T>
RECURRA_INLINE Vec<T> tanh(Vec<T> x) {
  constexpr T rounder = Number<T>::rounder;
  constexpr Int<T> one = Number<T>::bias << Number<T>::fraction_bits;
  constexpr T later = T(0.20293);  // n leaves 0 where |x| - later is ln(2)/2
  const Vec<T> a = lesser<T>(splat<T>(kTanhOneAbove<T>), magnitude<T>(x));
  const Vec<T> shifted = fma(a - later, splat<T>(ExpLimits<T>::log2_e), splat<T>(rounder));
  const Vec<T> n = shifted - rounder;
  const Vec<T> r = fma(n, splat<T>(-Ln2<T>::c[0]), a);
  const Vec<T> z = r * r;
  const Vec<T> t = fma(r * z, polynomial<T>(z, TanhRest<T>::c), r);
  const Vec<T> s = as_float(
      wrapping_difference(splat_int<T>(one), bits(shifted) << (Number<T>::fraction_bits + 1)));
  const Vec<T> u = s * (T(1) - t);
  const Vec<T> far = fma(u / ((t + T(1)) + u), splat<T>(-2), splat<T>(1));
  return as_float(bits(n == 0 ? t : far) | (bits(x) & Number<T>::sign));
}

}  // namespace recurra::RECURRA_ISA
