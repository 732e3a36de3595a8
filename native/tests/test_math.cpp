// How right the functions of kernels/math.h are, against the C library in a wider type, and that
// every instruction set gives the same bits. Prints the greatest error of each; 1 if any is out of
// bounds.
//
// Linked with math_table.inl, compiled for each instruction set.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/math_bounds.h"
#include "tests/math_points.h"
#include "tests/math_reference.h"
#include "tests/math_table.h"

namespace {

using namespace recurra;
using namespace recurra::tests;

std::vector<const MathTable*> tables() {
  std::vector<const MathTable*> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&math_of_avx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found.push_back(&math_of_avx2);
#endif
  found.push_back(&math_of_baseline);
  return found;
}

const Functions<float>& functions(const MathTable& table, float) { return table.of_float; }
const Functions<double>& functions(const MathTable& table, double) { return table.of_double; }

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
                 Unary<T> Functions<T>::* function, Wide<T> (*reference)(Wide<T>)) {
  check(
      tally, name, at, sizeof(T) == 4 ? bound.of_float : bound.of_double,
      [&](const Functions<T>& f, T* y, std::size_t count) { (f.*function)(at.a.data(), y, count); },
      [&](std::size_t k) { return reference(at.a[k]); });
}

template <class T>
void check_binary(Tally& tally, const char* name, const Points<T>& at, UlpBound bound,
                  Binary<T> Functions<T>::* function, Wide<T> (*reference)(Wide<T>, Wide<T>)) {
  check(
      tally, name, at, sizeof(T) == 4 ? bound.of_float : bound.of_double,
      [&](const Functions<T>& f, T* y, std::size_t count) {
        (f.*function)(at.a.data(), at.b.data(), y, count);
      },
      [&](std::size_t k) { return reference(at.a[k], at.b[k]); });
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
