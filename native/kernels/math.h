// The engine's own elementary functions, on vectors of float and double.
//
// Each takes and gives Vec<T>. Every result has the same bits on every instruction set, in every
// lane; subnormals, infinities, NaN and the sign of zero are those of C's functions of these names.
// How far a result may be from the true value stands in kernels/math_bounds.h and is held by
// tests/test_math.cpp.
#pragma once

#include "kernels/math_erf.h"
#include "kernels/math_exp.h"
#include "kernels/math_log.h"
#include "kernels/math_pow.h"
#include "kernels/math_tanh.h"
#include "kernels/math_trig.h"

namespace recurra::RECURRA_ISA {

// 1 / sqrt(x). The quotient is a hair off where the root was rounded; one step of Newton's mends
// it.
template <class T>
RECURRA_INLINE Vec<T> rsqrt(Vec<T> x) {
  const Ints<T> tiny = x < Number<T>::smallest_normal * T(0x1p60);
  const Vec<T> lifted = tiny ? x * T(0x1p100) : x;
  const Vec<T> root = square_root(lifted);
  const Vec<T> y = T(1) / root;
  const Vec<T> root_error = fma(-root, root, lifted);  // x - root^2
  const Vec<T> quotient_error = fma(-root, y, splat<T>(1));
  const Vec<T> mended = fma(y, fma(root_error * y, y * T(-0.5), quotient_error), y);
  const Vec<T> value = ((lifted > 0) & (lifted < Number<T>::infinity)) ? mended : y;
  return value * (tiny ? splat<T>(0x1p50) : splat<T>(1));
}

// -1, 0 or 1; NaN stays NaN.
template <class T>
RECURRA_INLINE Vec<T> sign(Vec<T> x) {
  const Vec<T> below = x < 0 ? splat<T>(-1) : (x == 0 ? splat<T>(0) : x);
  return x > 0 ? splat<T>(1) : below;
}

// NaN if either is.
template <class T>
RECURRA_INLINE Vec<T> maximum(Vec<T> a, Vec<T> b) {
  return ((a >= b) | (a != a)) ? a : b;
}

template <class T>
RECURRA_INLINE Vec<T> minimum(Vec<T> a, Vec<T> b) {
  return ((a <= b) | (a != a)) ? a : b;
}

// NaN stays NaN.
template <class T>
RECURRA_INLINE Vec<T> relu(Vec<T> x) {
  return x < 0 ? splat<T>(0) : x;
}

}  // namespace recurra::RECURRA_ISA
