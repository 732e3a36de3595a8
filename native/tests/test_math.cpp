// How right the functions of kernels/math.h are, against the C library in a wider type, and that every
// instruction set gives the same bits. Prints the greatest error of each; 1 if any is out of bounds.
//
// Linked from this, math_baseline.cpp, math_avx2.cpp and math_avx512.cpp, each of the latter compiled with
// the flags of the library's kernels/isa_*.cpp of that set (and -ffp-contract=off -fno-math-errno
// -fno-trapping-math); include path: native/. Off x86, only math_baseline.cpp.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/math_bounds.h"
#include "tests/math_reference.h"
#include "tests/math_table.h"

namespace {

using namespace recurra;
using namespace recurra::tests;

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

std::vector<const MathTable*> tables() {
  std::vector<const MathTable*> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&math_of_avx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&math_of_avx2);
#endif
  found.push_back(&math_of_baseline);
  return found;
}

const Functions<float>& functions(const MathTable& table, float) { return table.of_float; }
const Functions<double>& functions(const MathTable& table, double) { return table.of_double; }

// --- where to look ---------------------------------------------------------------------------------

template <class T>
void add_neighbours(std::vector<T>& points, T x, int reach) {
  for (int step = -reach; step <= reach; ++step) {
    const T near = from_bits<T>(bits_of(x) + static_cast<Bits<T>>(step));
    points.push_back(near);
    points.push_back(-near);
  }
}

// Zeros, the ends of the subnormals and of the range, infinities, NaN, and where the functions bend,
// saturate, or change their way of computing.
template <class T>
std::vector<T> special_points() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> points;
  for (const T x : {T(0), Limits::denorm_min(), Limits::min(), Limits::epsilon(), Limits::max(),
                    Limits::infinity(), Limits::quiet_NaN()})
    add_neighbours(points, x, 40);
  for (const double x :
       {0.25, 1.0 / 3, 0.34657, 0.5, 2.0 / 3, 0.70710678, 1.0, 4.0 / 3, 1.41421356, 2.0, 4.0, 6.0, 9.01,
        10.0, 14.0, 14.5, 17.33, 18.37, 20.0, 27.2, 38.5, 39.0, 87.3, 88.73, 89.0, 103.28, 104.0, 156.0,
        708.4, 709.78, 710.0, 745.13, 746.0, 1119.0, 8388608.0, 0x1p30, 0x1p52, 0x1p53})
    add_neighbours(points, static_cast<T>(x), 200);
  for (int k = 1; k < 4000; ++k) add_neighbours(points, static_cast<T>(k * 1.57079632679489661923), 1);
  for (int k = 1; k < 1100; ++k) add_neighbours(points, static_cast<T>(k * 0.34657359027997265), 1);
  points.push_back(static_cast<T>(6381956970095103.0 * 0x1p797));  // the double nearest a multiple of pi/2
  return points;
}

void add_bulk(std::vector<float>& points) {
  for (std::uint64_t bits = 0; bits < 1ull << 32; bits += 1009)
    points.push_back(from_bits<float>(static_cast<std::uint32_t>(bits)));
}

void add_bulk(std::vector<double>& points) {
  std::mt19937_64 random(20240607);
  std::uniform_real_distribution<double> exponent(-40, 12), mantissa(1, 2);
  for (int k = 0; k < 500000; ++k) points.push_back(from_bits<double>(random()));
  for (int k = 0; k < 1000000; ++k) {
    const double x = std::exp2(exponent(random)) * mantissa(random);
    points.push_back(random() & 1 ? x : -x);
  }
}

template <class T>
struct Points {
  std::vector<T> a, b;
};

// Pairs for pow, maximum and minimum: specials against specials, and powers that stay finite.
template <class T>
Points<T> pairs() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> few;
  for (const double x : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 0x1p22, 0x1p23, 0x1p24, 8388609.0, 0x1p52, 0x1p53,
                         4503599627370497.0, 9007199254740993.0, 1e30, 1e-30})
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

// --- the checks ------------------------------------------------------------------------------------

template <class T>
struct Worst {
  double ulps = 0;
  T a = 0, b = 0, got = 0;
};

template <class T, class Reference>
Worst<T> worst_of(const Points<T>& at, const std::vector<T>& got, Reference reference) {
  Worst<T> worst;
  for (std::size_t k = 0; k < got.size(); ++k) {
    const double ulps = ulps_between(got[k], reference(k));
    if (ulps > worst.ulps) worst = {ulps, at.a[k], at.b.empty() ? T(0) : at.b[k], got[k]};
  }
  return worst;
}

template <class T>
std::size_t first_difference(const std::vector<T>& x, const std::vector<T>& y) {
  std::size_t k = 0;
  while (k < x.size() && std::memcmp(&x[k], &y[k], sizeof(T)) == 0) ++k;
  return k;
}

struct Tally {
  int failures = 0;

  template <class T>
  void accuracy(const char* name, const Worst<T>& worst, double bound) {
    const bool fine = worst.ulps <= bound;
    std::printf("%-6s %-9s %8.4f ulp (bound %.4f) at %.17g, %.17g -> %.17g%s\n",
                sizeof(T) == 4 ? "float" : "double", name, worst.ulps, bound, double(worst.a),
                double(worst.b), double(worst.got), fine ? "" : "  TOO MUCH");
    failures += !fine;
  }

  template <class T>
  void same_bits(const char* name, const char* set, const Points<T>& at, const std::vector<T>& one,
                 const std::vector<T>& other) {
    const std::size_t k = first_difference(one, other);
    if (k == one.size()) return;
    std::printf("%-6s %-9s OTHER BITS on %s at %.17g, %.17g: %llx, %llx\n",
                sizeof(T) == 4 ? "float" : "double", name, set, double(at.a[k]),
                at.b.empty() ? 0.0 : double(at.b[k]),
                static_cast<unsigned long long>(bits_of(one[k])),
                static_cast<unsigned long long>(bits_of(other[k])));
    ++failures;
  }
};

// Runs `apply(functions, results, count)` on every instruction set.
template <class T, class Apply, class Reference>
void check(Tally& tally, const char* name, const Points<T>& at, double bound, Apply apply,
           Reference reference) {
  std::vector<T> first(at.a.size());
  const auto sets = tables();
  apply(functions(*sets[0], T()), first.data(), first.size());
  tally.accuracy(name, worst_of(at, first, reference), bound);
  for (std::size_t s = 1; s < sets.size(); ++s) {
    std::vector<T> other(first.size());
    apply(functions(*sets[s], T()), other.data(), other.size());
    tally.same_bits(name, sets[s]->set, at, first, other);
  }
}

template <class T>
void check_unary(Tally& tally, const char* name, const Points<T>& at, UlpBound bound,
                 Unary<T> Functions<T>::*function, Wide<T> (*reference)(Wide<T>)) {
  check(
      tally, name, at, sizeof(T) == 4 ? bound.of_float : bound.of_double,
      [&](const Functions<T>& f, T* y, std::size_t count) { (f.*function)(at.a.data(), y, count); },
      [&](std::size_t k) { return reference(at.a[k]); });
}

template <class T>
void check_binary(Tally& tally, const char* name, const Points<T>& at, UlpBound bound,
                  Binary<T> Functions<T>::*function, Wide<T> (*reference)(Wide<T>, Wide<T>)) {
  check(
      tally, name, at, sizeof(T) == 4 ? bound.of_float : bound.of_double,
      [&](const Functions<T>& f, T* y, std::size_t count) {
        (f.*function)(at.a.data(), at.b.data(), y, count);
      },
      [&](std::size_t k) { return reference(at.a[k], at.b[k]); });
}

template <class T>
Points<T> line() {
  Points<T> points{special_points<T>(), {}};
  add_bulk(points.a);
  return points;
}

template <class T>
void check_all(Tally& tally) {
  using F = Functions<T>;
  using W = Wide<T>;
  constexpr UlpBound exact{0, 0};
  const Points<T> x = line<T>();
  check_unary<T>(tally, "exp", x, kExpUlp, &F::exp, [](W v) { return std::exp(v); });
  check_unary<T>(tally, "log", x, kLogUlp, &F::log, [](W v) { return v < 0 ? NAN : std::log(v); });
  check_unary<T>(tally, "tanh", x, kTanhUlp, &F::tanh, [](W v) { return std::tanh(v); });
  check_unary<T>(tally, "sigmoid", x, kSigmoidUlp, &F::sigmoid, true_sigmoid<W>);
  check_unary<T>(tally, "softplus", x, kSoftplusUlp, &F::softplus, true_softplus<W>);
  check_unary<T>(tally, "silu", x, kSiluUlp, &F::silu, true_silu<W>);
  check_unary<T>(tally, "erf", x, kErfUlp, &F::erf, [](W v) { return std::erf(v); });
  check_unary<T>(tally, "gelu", x, kGeluUlp, &F::gelu, true_gelu<W>);
  check_unary<T>(tally, "sin", x, kSinUlp, &F::sin, [](W v) { return std::sin(v); });
  check_unary<T>(tally, "cos", x, kCosUlp, &F::cos, [](W v) { return std::cos(v); });
  check_unary<T>(tally, "rsqrt", x, kRsqrtUlp, &F::rsqrt, true_rsqrt<W>);
  check_unary<T>(tally, "sign", x, exact, &F::sign, true_sign<W>);
  check_unary<T>(tally, "relu", x, exact, &F::relu, true_relu<W>);
  const Points<T> xy = pairs<T>();
  check_binary<T>(tally, "pow", xy, kPowUlp, &F::pow, [](W a, W b) { return std::pow(a, b); });
  check_binary<T>(tally, "maximum", xy, exact, &F::maximum, true_maximum<W>);
  check_binary<T>(tally, "minimum", xy, exact, &F::minimum, true_minimum<W>);
}

// Shows that the checks can fail: a result three units off, and one bit that differs.
bool faults_are_noticed() {
  const Points<float> x{{0.5f, 1.0f, 2.0f}, {}};
  std::vector<float> right(3);
  tables()[0]->of_float.exp(x.a.data(), right.data(), right.size());
  std::vector<float> off = right;
  off[1] = from_bits<float>(bits_of(right[1]) + 3);
  const auto reference = [&](std::size_t k) { return std::exp(double(x.a[k])); };
  return worst_of(x, right, reference).ulps <= kExpUlp.of_float &&
         worst_of(x, off, reference).ulps > kExpUlp.of_float && first_difference(right, off) == 1;
}

}  // namespace

int main() {
  Tally tally;
  std::printf("instruction sets:");
  for (const MathTable* table : tables()) std::printf(" %s", table->set);
  std::printf("\n");
  check_all<float>(tally);
  check_all<double>(tally);
  if (!faults_are_noticed()) {
    std::printf("A PLANTED FAULT WENT UNNOTICED\n");
    ++tally.failures;
  }
  std::printf("%d failures\n", tally.failures);
  return tally.failures != 0;
}
