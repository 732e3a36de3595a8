// What the functions of kernels/math.h should give, by the C library's functions of a wider type,
// and how far a result is from it.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace recurra::tests {

template <class W>
W true_sigmoid(W x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

template <class W>
W true_softplus(W x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

template <class W>
W true_silu(W x) {
  return x * true_sigmoid(x);
}

// x erfc(-x / sqrt 2) / 2. For the tail, what rounding took from x / sqrt 2 is given back to first
// order, as erfc(y (1 + d)) is about erfc(y) exp(-2 y^2 d).
template <class W>
W true_gelu(W x) {
  const W y = -x * std::sqrt(W(0.5));
  const W share = std::erfc(y) / 2;
  if (!(x < -1) || share == 0) return x * share;
  const W square = y * y, wanted = x * (x / 2);
  const W lost = (wanted - square) + (std::fma(x, x / 2, -wanted) - std::fma(y, y, -square));
  return x * (share * std::exp(-lost));
}

template <class W>
W true_rsqrt(W x) {
  return 1 / std::sqrt(x);
}

template <class W>
W true_sign(W x) {
  return x > 0 ? 1 : (x < 0 ? -1 : (x == 0 ? 0 : x));
}

template <class W>
W true_relu(W x) {
  return x < 0 ? 0 : x;
}

template <class W>
W true_maximum(W a, W b) {
  return a != a ? a : (a >= b ? a : b);
}

template <class W>
W true_minimum(W a, W b) {
  return a != a ? a : (a <= b ? a : b);
}

// |got - wanted| in units in the last place of a T as large as wanted; infinite where no distance
// makes sense: NaN against a number, another sign. An infinity stands one unit beyond the greatest
// number.
template <class T, class W>
double ulps_between(T got, W wanted) {
  constexpr double hopeless = std::numeric_limits<double>::infinity();
  using Limits = std::numeric_limits<T>;
  if (got != got || wanted != wanted) return got != got && wanted != wanted ? 0 : hopeless;
  if (std::signbit(got) != std::signbit(wanted)) return hopeless;
  const W edge = std::ldexp(W(1), Limits::max_exponent);
  const W have = std::fmin(std::fabs(W(got)), edge), want = std::fmin(std::fabs(wanted), edge);
  int exponent = Limits::min_exponent;
  if (want > 0) std::frexp(want, &exponent);
  exponent = std::min(std::max(exponent, Limits::min_exponent), Limits::max_exponent);
  return static_cast<double>(std::ldexp(std::fabs(have - want), Limits::digits - exponent));
}

}  // namespace recurra::tests
