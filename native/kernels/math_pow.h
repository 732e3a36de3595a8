// pow, with the special cases of C's pow (IEEE 754-2019, 9.2.1).
//
//   |x|^y = exp(y log|x|); double carries the logarithm in two parts, float goes by way of double
#pragma once

#include "kernels/math_log.h"

namespace recurra::RECURRA_ISA {

// An unevaluated sum, high the sum rounded.
struct Pair {
  f64 high, low;
};

// a + b exactly, where |a| >= |b| or a is 0.
RECURRA_INLINE Pair exact_sum(f64 a, f64 b) {
  const f64 sum = a + b;
  return {sum, (a - sum) + b};
}

// log(x) to about 2^-64 of itself, for positive finite x.
//
//   s = f / (2 + f);  log(1 + f) = s (2 + 2/3 z + z^2 P(z)), z = s^2
RECURRA_INLINE Pair log_in_two(f64 x) {
  const Split<double> split = split_exponent<double>(x);
  const f64 f = split.m - 1.0;
  const Pair below = exact_sum(splat<double>(2.0), f);
  const f64 s = f / below.high;
  const f64 s_low = (fma(-s, below.high, f) - s * below.low) / below.high;
  const f64 z = s * s;
  const f64 z_low = fma(s, s, -z) + 2.0 * s * s_low;
  const f64 two_thirds = splat<double>(TwoThirds<double>::c[0]);
  const f64 two_thirds_low = splat<double>(TwoThirds<double>::c[1]);
  const f64 third = z * two_thirds;
  const f64 third_low = fma(z, two_thirds, -third) + fma(z, two_thirds_low, z_low * two_thirds);
  const f64 square = z * z;
  const f64 rest = square * polynomial<double>(z, square, AtanhSecondRest<double>::c);
  const Pair tail = exact_sum(third, rest);
  const Pair factor = exact_sum(splat<double>(2.0), tail.high);
  const f64 factor_low = factor.low + (tail.low + third_low);
  const f64 product = s * factor.high;
  const f64 product_low = fma(s, factor.high, -product) + fma(s, factor_low, s_low * factor.high);
  constexpr double ln2_short = 0x1.62e42fefa38p-1;  // 42 bits: its product with k is exact
  constexpr double ln2_rest = 0x1.ef35793c7673p-45;
  const Pair sum = exact_sum(split.k * ln2_short, product);
  return exact_sum(sum.high, sum.low + fma(split.k, splat<double>(ln2_rest), product_low));
}

// exp(high + low)
RECURRA_INLINE f64 exp_of_pair(Pair x) {
  using Limits = ExpLimits<double>;
  const i64 under = x.high < Limits::zero_below;
  const i64 over = x.high > Limits::infinite_above;
  const f64 high = under ? splat<double>(Limits::zero_below)
                         : (over ? splat<double>(Limits::infinite_above) : x.high);
  const f64 low = (under | over) ? splat<double>(0.0) : x.low;
  const f64 t = fma(high, splat<double>(Limits::log2_e), splat<double>(Number<double>::rounder));
  const f64 n = t - Number<double>::rounder;
  const f64 first = fma(n, splat<double>(-Ln2<double>::c[0]), high);
  const f64 r = first + fma(n, splat<double>(-Ln2<double>::c[1]), low);
  return scaled<double>({exp_minus_one<double>(r), n, bits(t)});
}

RECURRA_INLINE i64 is_whole(f64 y) {
  const f64 a = magnitude<double>(y);
  return (a >= 0x1p52) | (((a + 0x1p52) - 0x1p52) == a);
}

// The cases of pow that are not a plain power of a positive finite number; `value` is |x|^y.
RECURRA_INLINE f64 with_special_cases(f64 x, f64 y, f64 value) {
  constexpr double infinity = Number<double>::infinity;
  const f64 a = magnitude<double>(x);
  const i64 whole = is_whole(y);
  const i64 odd = whole & ~is_whole(y * 0.5);
  const i64 grows = (a == 0) ^ (y > 0);  // for a of 0 or infinity
  const f64 extreme = grows ? splat<double>(infinity) : splat<double>(0);
  f64 result = ((a == 0) | (a == infinity)) ? extreme : value;
  const i64 negative = (bits(x) < 0) & odd;
  result = as_float(bits(result) ^ (negative & Number<double>::sign));
  result = ((x < 0) & (a < infinity) & ~whole) ? splat<double>(Number<double>::nan) : result;
  result = y != y ? y : result;
  result = x != x ? x : result;
  return ((y == 0) | (x == 1)) ? splat<double>(1) : result;
}

// Beyond this, y log(x) overflows or underflows exp whatever x is, 1 excepted.
RECURRA_INLINE f64 bounded_exponent(f64 y) {
  constexpr double limit = 0x1p70;
  y = y > limit ? splat<double>(limit) : y;
  return y < -limit ? splat<double>(-limit) : y;
}

RECURRA_INLINE f64 power(f64 x, f64 y) {
  const Pair log_x = log_in_two(magnitude<double>(x));
  const f64 times = bounded_exponent(y);
  const f64 product = times * log_x.high;
  const f64 product_low = fma(times, log_x.low, fma(times, log_x.high, -product));
  return with_special_cases(x, y, exp_of_pair({product, product_low}));
}

// |x| and y are floats, and so is what becomes of it.
RECURRA_INLINE f64 power_for_float(f64 x, f64 y) {
  const Split<double> split = split_exponent<double>(magnitude<double>(x));
  const f64 log_x = log_of_split(split.k, split.m - 1.0);
  return with_special_cases(x, y, exp<double>(bounded_exponent(y) * log_x));
}

RECURRA_INLINE f32 power(f32 x, f32 y) {
  const Halves base = widen(x), exponent = widen(y);
  return narrow(
      {power_for_float(base.low, exponent.low), power_for_float(base.high, exponent.high)});
}

template <class T>
RECURRA_INLINE Vec<T> pow(Vec<T> x, Vec<T> y) {
  return power(x, y);
}

}  // namespace recurra::RECURRA_ISA
