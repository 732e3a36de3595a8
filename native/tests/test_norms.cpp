// Layer norm, RMS norm and their gradient, against plain loops in the documented order.
#include <algorithm>
#include <cmath>

#include "tests/check.h"
#include "tests/in_order.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

template <class T>
using Line = std::vector<T>;

template <class T, class Element>
T mean_of(const Line<T>& like, Element element) {
  const auto n = static_cast<std::int64_t>(like.size());
  const auto onto = [&](T sum, std::int64_t i) {
    return sum + element(static_cast<std::size_t>(i));
  };
  return in_order<T>(n, T(0), onto, add<T>) / static_cast<T>(n);
}

template <class T>
T mean_of(const Line<T>& x) {
  return mean_of(x, [&](std::size_t i) { return x[i]; });
}

// The engine's own function, which has a test of its own.
template <class T>
T rsqrt(T x) {
  Rows<T> buffers[] = {{&x, 0, nullptr, 0}};
  Instruction instruction;
  instruction.op = kOp_rsqrt;
  instruction.inputs = 1;
  instruction.out = instruction.in[0] = operand(0, 0, {0, 0, 0, 1});
  kernels<T>(Isa::baseline).row_kernels[kOp_rsqrt](instruction, Frame<T>{buffers, 0, 1, false});
  return x;
}

template <class T>
Line<T> norm(Op op, bool centred, const Line<T>& a, const Line<T>& b, T number) {
  Line<T> out(op == kOp_norm_scale ? 1 : a.size());
  const T m = centred || op == kOp_standardize ? mean_of(a) : T(0);
  if (op == kOp_norm_scale) {
    out[0] = rsqrt(mean_of(a, [&](std::size_t i) { return (a[i] - m) * (a[i] - m); }) + number);
    return out;
  }
  const T shared = mean_of(a, [&](std::size_t i) { return a[i] * b[i]; });
  for (std::size_t i = 0; i < a.size(); ++i) {
    out[i] =
        op == kOp_standardize ? (a[i] - m) * number : (std::fma(b[i], -shared, a[i]) - m) * number;
  }
  return out;
}

// Rows of two by two lines, so that every stride is seen and batches of lines are left over.
template <class T>
std::string problem(Op op, bool centred, std::int64_t n, int rows, Isa isa, Op wanted_op) {
  Bench<T> bench(rows, {4 * n + 9, 4 * n + 8, 4 * n + 8, 8}, {Lie::apart, Lie::scattered});
  Instruction instruction;
  instruction.op = op;
  instruction.inputs = inputs_of(op);
  instruction.extra = centred;
  const std::int64_t dims[kDims] = {1, 2, 2, n}, places[kDims] = {1, 2, 2, 1};
  std::copy_n(dims, kDims, instruction.dims);
  const bool lines = op != kOp_norm_scale;
  instruction.out = lines ? operand(0, 1, {0, 2 * n + 2, n + 1, 1}) : operand(0, 1, {0, 4, 2, 0});
  instruction.in[0] = operand(1, 1, {0, 2 * n + 3, n + 1, 1});
  instruction.in[1] = operand(2, 0, {0, 2 * n + 1, n, 1});
  instruction.in[instruction.inputs - 1] = operand(3, 1, {0, 3, 1, 0});
  // A variance is not negative, and the square root of one that is has no one form.
  for (T& each : bench.buffer(3).memory) each = std::abs(each);
  std::vector<T> wanted = bench.out().memory;
  const auto line = [&](const Operand& from, int row, const std::int64_t* at) {
    Line<T> found;
    for (std::int64_t i = 0; i < n; ++i)
      found.push_back(bench.read(from.buffer, row, place_of(from, at) + i));
    return found;
  };
  for (int r = 0; r < rows; ++r) {
    for_each_place(places, [&](const std::int64_t* at) {
      const Line<T> a = line(instruction.in[0], r, at);
      const Line<T> b = instruction.inputs == 3 ? line(instruction.in[1], r, at) : a;
      const T number = bench.read(instruction.in[instruction.inputs - 1], r, at);
      const Line<T> found = norm<T>(wanted_op, centred, a, b, number);
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::int64_t place = place_of(instruction.out, at) + static_cast<std::int64_t>(i);
        wanted[bench.out().place(1 + r, place)] = found[i];
      }
    });
  }
  bench.run(isa, instruction);
  return difference(bench.out().memory, wanted);
}

template <class T>
std::string first_problem(Op op, bool centred) {
  for (const Isa isa : isas()) {
    for (const std::int64_t n : kLengths) {
      for (const int rows : {0, 1, 3}) {
        const std::string found = problem<T>(op, centred, n, rows, isa, op);
        if (!found.empty()) return "of " + std::to_string(n) + ": " + found;
      }
    }
  }
  return {};
}

}  // namespace

RECURRA_TEST(a_norm_s_scale_has_the_bits_of_mean_sub_mul_add_and_rsqrt) {
  for (const bool centred : {true, false}) {
    CHECK_EQUAL(first_problem<float>(kOp_norm_scale, centred), "");
    CHECK_EQUAL(first_problem<double>(kOp_norm_scale, centred), "");
  }
}

RECURRA_TEST(a_norm_s_value_has_the_bits_of_mean_sub_and_mul) {
  CHECK_EQUAL(first_problem<float>(kOp_standardize, true), "");
  CHECK_EQUAL(first_problem<double>(kOp_standardize, true), "");
}

RECURRA_TEST(the_gradient_through_a_norm_has_one_order) {
  for (const bool centred : {true, false}) {
    CHECK_EQUAL(first_problem<float>(kOp_norm_slope, centred), "");
    CHECK_EQUAL(first_problem<double>(kOp_norm_slope, centred), "");
  }
}

RECURRA_TEST(another_norm_would_be_noticed) {
  CHECK(!problem<float>(kOp_norm_slope, true, 9, 3, Isa::baseline, kOp_standardize).empty());
}

int main() { return checks::run_all(); }
