// Where test_math.cpp looks: everywhere a little, and much where the functions turn.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace recurra::tests {

template <class T>
struct Wider;
template <>
struct Wider<float> {
  using type = double;
  using bits = std::uint32_t;
};
template <>
struct Wider<double> {
  using type = long double;
  using bits = std::uint64_t;
};
template <class T>
using Wide = typename Wider<T>::type;
template <class T>
using Bits = typename Wider<T>::bits;

template <class T>
T from_bits(Bits<T> bits) {
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
Bits<T> bits_of(T x) {
  Bits<T> bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

template <class T>
struct Points {
  std::vector<T> a, b;
};

template <class T>
void add_neighbours(std::vector<T>& points, T x, int reach) {
  for (int step = -reach; step <= reach; ++step) {
    const T near = from_bits<T>(bits_of(x) + static_cast<Bits<T>>(step));
    points.push_back(near);
    points.push_back(-near);
  }
}

// Zeros, the ends of the subnormals and of the range, infinities, NaN, and where the functions
// bend, saturate, or change their way of computing.
template <class T>
std::vector<T> special_points() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> points;
  for (const T x : {T(0), Limits::denorm_min(), Limits::min(), Limits::epsilon(), Limits::max(),
                    Limits::infinity(), Limits::quiet_NaN()})
    add_neighbours(points, x, 40);
  for (const double x :
       {0.25,  1.0 / 3, 0.34657, 0.5,   2.0 / 3, 0.70710678, 1.0,    4.0 / 3, 1.4143, 2.0,
        4.0,   6.0,     9.01,    10.0,  14.5,    17.33,      18.37,  20.0,    27.2,   38.5,
        39.0,  40.0,    87.3,    88.73, 89.0,    103.28,     104.0,  110.0,   708.4,  709.78,
        710.0, 745.13,  746.0,   755.0, 0x1p23,  0x1p30,     0x1p52, 0x1p53})
    add_neighbours(points, static_cast<T>(x), 200);
  constexpr double half_pi = 1.57079632679489661923, quarter_ln2 = 0.17328679513998632;
  for (int k = 1; k < 4000; ++k) add_neighbours(points, static_cast<T>(k * half_pi), 1);
  for (int k = 1; k < 2200; ++k) add_neighbours(points, static_cast<T>(k * quarter_ln2), 1);
  // Where floats have the greatest errors: exp, log, tanh, sigmoid, softplus, silu, erf, gelu; and where
  // doubles have great ones: tanh, sigmoid.
  for (const double x : {59.3030281, 1.3590554, 0.0623573735, 4.1572938, 0.0133211315, 0.0305078141,
                         1.02770627, 2.21809268, 0.20467077044844431, 4.8443279117015789})
    add_neighbours(points, static_cast<T>(x), 1);
  // The double that is nearest to a multiple of pi/2.
  points.push_back(static_cast<T>(6381956970095103.0 * 0x1p797));
  return points;
}

inline void add_bulk(std::vector<float>& points) {
  for (std::uint64_t bits = 0; bits < 1ull << 32; bits += 1009)
    points.push_back(from_bits<float>(static_cast<std::uint32_t>(bits)));
}

inline void add_bulk(std::vector<double>& points) {
  std::mt19937_64 random(20240607);
  std::uniform_real_distribution<double> exponent(-40, 12), mantissa(1, 2);
  for (int k = 0; k < 500000; ++k) points.push_back(from_bits<double>(random()));
  for (int k = 0; k < 1000000; ++k) {
    const double x = std::exp2(exponent(random)) * mantissa(random);
    points.push_back(random() & 1 ? x : -x);
  }
}

template <class T>
Points<T> line() {
  Points<T> points{special_points<T>(), {}};
  add_bulk(points.a);
  return points;
}

// Pairs for pow, maximum and minimum: specials against specials, and powers that stay finite.
template <class T>
Points<T> pairs() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> few;
  for (const double x : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 0x1p22, 0x1p23, 0x1p24, 8388609.0, 0x1p52,
                         0x1p53, 4503599627370497.0, 9007199254740993.0, 1e30, 1e-30})
    add_neighbours(few, static_cast<T>(x), 1);
  for (const T x : {Limits::denorm_min(), Limits::min(), Limits::max(), Limits::infinity()})
    add_neighbours(few, x, 1);
  Points<T> points;
  for (const T a : few)
    for (const T b : few) {
      points.a.push_back(a);
      points.b.push_back(b);
    }
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> share(-1.02, 1.02);
  const double range = Limits::max_exponent - Limits::min_exponent > 1000 ? 745 : 104;
  for (int k = 0; k < 700000; ++k) {
    const T a = std::fabs(from_bits<T>(static_cast<Bits<T>>(random())));
    const double log_a = std::log(static_cast<double>(a));
    points.a.push_back(k % 8 ? a : -a);
    const T b = static_cast<T>(share(random) * range / log_a);
    points.b.push_back(k % 8 ? b : std::round(b));
  }
  for (int k = 0; k < 700000; ++k) {
    const T a = static_cast<T>(1 + share(random) * std::exp2(-30 * std::fabs(share(random))));
    points.a.push_back(a);
    points.b.push_back(static_cast<T>(share(random) * range / std::log(std::fabs(double(a)))));
  }
  return points;
}

}  // namespace recurra::tests
