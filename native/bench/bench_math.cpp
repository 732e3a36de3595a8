// What each float function of kernels/math.h costs per 16 values, on every instruction set this
// machine has: values in the first-level cache, the best of many passes. Linked as
// tests/test_math.cpp is.
//
// A cycle is a third of a dependent multiplication of whole numbers, timed beside: no counter
// needs to be allowed.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "tests/math_table.h"

namespace {

using namespace recurra::tests;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kCount = 2048;
constexpr int kPasses = 400;

template <class Function>
double best_nanoseconds(Function function) {
  double best = 1e9;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = Clock::now();
    function();
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return best;
}

double nanoseconds_per_cycle() {
  constexpr int steps = 20000;
  return best_nanoseconds([] {
           unsigned long long product = 1;
           for (int k = 0; k < steps; ++k) __asm__ volatile("imul %0, %0" : "+r"(product));
         }) /
         (3.0 * steps);
}

struct Bench {
  const char* name;
  Unary<float> Functions<float>::* function;
};

constexpr Bench kBenches[] = {
    {"exp", &Functions<float>::exp},           {"log", &Functions<float>::log},
    {"tanh", &Functions<float>::tanh},         {"sigmoid", &Functions<float>::sigmoid},
    {"softplus", &Functions<float>::softplus}, {"silu", &Functions<float>::silu},
    {"erf", &Functions<float>::erf},           {"gelu", &Functions<float>::gelu},
    {"sin", &Functions<float>::sin},           {"cos", &Functions<float>::cos},
    {"rsqrt", &Functions<float>::rsqrt},       {"sign", &Functions<float>::sign},
    {"relu", &Functions<float>::relu},
};

void run(const MathTable& table, double cycle) {
  std::vector<float> x(kCount), y(kCount);
  for (std::size_t k = 0; k < kCount; ++k)
    x[k] = 8.0f * (static_cast<float>(k * 7919 % kCount) / kCount - 0.45f);
  std::printf("%s\n", table.set);
  const auto print = [&](const char* name, double nanoseconds) {
    const double each = nanoseconds * 16 / kCount;
    std::printf("  %-9s %7.2f ns %7.1f cycles per 16 values\n", name, each, each / cycle);
  };
  for (const Bench& bench : kBenches) {
    const auto function = table.of_float.*bench.function;
    print(bench.name, best_nanoseconds([&] { function(x.data(), y.data(), kCount); }));
  }
  print("pow", best_nanoseconds([&] { table.of_float.pow(x.data(), y.data(), y.data(), kCount); }));
}

}  // namespace

int main() {
  const double cycle = nanoseconds_per_cycle();
  std::printf("%.3f ns a cycle\n", cycle);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) run(math_of_avx512, cycle);
  if (__builtin_cpu_supports("avx2")) run(math_of_avx2, cycle);
#endif
  run(math_of_baseline, cycle);
}
