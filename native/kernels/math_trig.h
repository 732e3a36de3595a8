// sin and cos, over the whole range. float goes by way of double, which rounds it right but for
// ties.
//
//   x = n pi/2 + r + r_low, |r| <= pi/4; a quadrant n mod 4 says which of +-sin(r), +-cos(r) it is
#pragma once

#include "kernels/math_parts.h"

namespace recurra::RECURRA_ISA {

struct Angle {
  f64 r, r_low;
  i64 n;  // its two lowest bits are the quadrant
};

// Above this, a lane goes the slow way: n pi/2 by three parts is no longer sure to be exact enough.
constexpr double kLargeAngle = 0x1p30;

// One lane, any finite x >= kLargeAngle: only those bits of 2/pi are multiplied that a multiple of
// 4 does not swallow (Payne and Hanek 1983).
static void reduce_large_angle(double x, double& r, double& r_low, std::int64_t& n) {
  __extension__ using Wide = unsigned __int128;
  std::uint64_t whole;
  std::memcpy(&whole, &x, sizeof whole);
  // |x| = fraction * 2^exponent
  const int exponent = static_cast<int>((whole >> 52) & 0x7ff) - 1075;
  const std::uint64_t fraction = (whole & ((1ull << 52) - 1)) | 1ull << 52;
  const int from = 64 + exponent - 2;  // the first bit of kTwoOverPi that counts
  std::uint64_t window[3];
  for (int k = 0; k < 3; ++k) {
    const int word = from / 64 + k;
    const int shift = from % 64;
    window[k] = kTwoOverPi[word] << shift;
    if (shift) window[k] |= kTwoOverPi[word + 1] >> (64 - shift);
  }
  // 192 bits of fraction * 2/pi, modulo 4: two bits of quadrant, 190 after the point.
  const Wide low = Wide(fraction) * window[2];
  const Wide middle = Wide(fraction) * window[1] + static_cast<std::uint64_t>(low >> 64);
  const std::uint64_t high = fraction * window[0] + static_cast<std::uint64_t>(middle >> 64);
  n = static_cast<std::int64_t>(high >> 62);
  Wide part = Wide(high) << 66 | Wide(static_cast<std::uint64_t>(middle)) << 2 |
              static_cast<std::uint64_t>(low) >> 62;
  const bool past_half = (part >> 127) != 0;
  if (past_half) {
    ++n;
    part = -part;
  }
  // part / 2^128 turns of a quadrant, in two doubles.
  const std::uint64_t top = static_cast<std::uint64_t>(part >> 64);
  int zeros = top ? __builtin_clzll(top) : 64;
  if (top == 0) zeros += __builtin_clzll(static_cast<std::uint64_t>(part) | 1);
  part <<= zeros;
  const std::uint64_t first = static_cast<std::uint64_t>(part >> 75);
  const std::uint64_t second = static_cast<std::uint64_t>(part >> 22) & ((1ull << 53) - 1);
  double scale = 0x1p-53;
  for (int k = 0; k < zeros; ++k) scale *= 0.5;
  const double turn = static_cast<double>(first) * scale;
  const double turn_low = static_cast<double>(second) * (scale * 0x1p-53);
  const f64 product = splat<double>(turn * HalfPi<double>::c[0]);
  const f64 error = fma(splat<double>(turn), splat<double>(HalfPi<double>::c[0]), -product);
  r = product[0];
  r_low = error[0] + (turn * HalfPi<double>::c[1] + turn_low * HalfPi<double>::c[0]);
  const bool negative = (x < 0) != past_half;
  if (x < 0) n = -n;
  if (negative) {
    r = -r;
    r_low = -r_low;
  }
}

RECURRA_INLINE Angle reduce_angle(f64 x) {
  constexpr double rounder = Number<double>::rounder;
  constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
  const f64 t = fma(x, splat<double>(two_over_pi), splat<double>(rounder));
  const f64 n = t - rounder;
  const f64 first = fma(n, splat<double>(-HalfPi<double>::c[0]), x);  // exact
  const f64 product = n * HalfPi<double>::c[1];
  const f64 product_low = fma(n, splat<double>(HalfPi<double>::c[1]), -product);
  const f64 second = first - product;
  const f64 back = first - second;
  const f64 second_low = (first - (second + back)) + (back - product);
  const f64 rest = fma(n, splat<double>(-HalfPi<double>::c[2]), second_low - product_low);
  Angle angle{second + rest, {}, bits(t)};
  angle.r_low = (second - angle.r) + rest;
  const f64 a = magnitude<double>(x);
  const i64 large = (a >= kLargeAngle) & (a < Number<double>::infinity);
  if (__builtin_expect(any(large), 0)) {
    for (int k = 0; k < kLanes<double>; ++k) {
      if (large[k] == 0) continue;
      double r, r_low;
      std::int64_t quadrant;
      reduce_large_angle(x[k], r, r_low, quadrant);
      angle.r[k] = r;
      angle.r_low[k] = r_low;
      angle.n[k] = quadrant;
    }
  }
  return angle;
}

// sin(x + quarters pi/2)
RECURRA_INLINE f64 sin_turned(f64 x, std::int64_t quarters) {
  const Angle angle = reduce_angle(x);
  const f64 r = angle.r;
  const f64 z = r * r;
  const f64 square = z * z;
  // sin(r + r_low) = sin(r) + r_low cos(r);  cos(r + r_low) = cos(r) - r_low sin(r)
  const f64 sin_rest = fma(z * r, polynomial<double>(z, square, SinRest<double>::c),
                           fma(z * angle.r_low, splat<double>(-0.5), angle.r_low));
  const f64 sine = r + sin_rest;
  const f64 half = z * 0.5;
  const f64 one_less = 1.0 - half;
  const f64 cos_rest =
      fma(square, polynomial<double>(z, square, CosRest<double>::c), -r * angle.r_low);
  const f64 cosine = one_less + (((1.0 - one_less) - half) + cos_rest);
  const i64 n = (angle.n & 3) + quarters;
  const f64 value = (n & 1) == 0 ? sine : cosine;
  return as_float(bits(value) ^ ((n & 2) << 62));
}

RECURRA_INLINE f64 sin_finite_or_not(f64 x, std::int64_t quarters) {
  const f64 a = magnitude<double>(x);
  const f64 special = a == Number<double>::infinity ? splat<double>(Number<double>::nan) : x;
  return a < Number<double>::infinity ? sin_turned(x, quarters) : special;
}

RECURRA_INLINE f64 sin_of(f64 x) { return x == 0 ? x : sin_finite_or_not(x, 0); }
RECURRA_INLINE f64 cos_of(f64 x) { return sin_finite_or_not(x, 1); }

RECURRA_INLINE f32 sin_of(f32 x) {
  const Halves wide = widen(x);
  return narrow({sin_of(wide.low), sin_of(wide.high)});
}

RECURRA_INLINE f32 cos_of(f32 x) {
  const Halves wide = widen(x);
  return narrow({cos_of(wide.low), cos_of(wide.high)});
}

template <class T>
RECURRA_INLINE Vec<T> sin(Vec<T> x) {
  return sin_of(x);
}

template <class T>
RECURRA_INLINE Vec<T> cos(Vec<T> x) {
  return cos_of(x);
}

}  // namespace recurra::RECURRA_ISA
