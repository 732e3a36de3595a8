// Ops over the last axis, against plain loops in the documented order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/check.h"
#include "tests/in_order.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

template <class T>
T larger(T a, T b) {
  return a >= b || a != a ? a : b;
}

// What `line`, a function of the element's number, comes to.
template <class T, class Line>
T reduced(Op op, std::int64_t n, Line line) {
  if (op == kOp_largest) {
    return in_order<T>(
        n, line(0), [&](T a, std::int64_t i) { return larger<T>(a, line(i)); }, larger<T>);
  }
  const T sum = in_order<T>(n, T(0), [&](T a, std::int64_t i) { return a + line(i); }, add<T>);
  return op == kOp_mean ? sum / static_cast<T>(n) : sum;
}

template <class T>
void strew(Laid<T>& into, Random& random) {
  using Limits = std::numeric_limits<T>;
  const T special[] = {T(-0.0), Limits::infinity(), Limits::quiet_NaN(), Limits::denorm_min()};
  for (T& each : into.memory) {
    if (random() > 0.99) each = special[static_cast<int>((random() + 1) * 1.999)];
  }
}

// Two lines of two a row, so that every stride is seen.
template <class T>
std::string problem(Op op, std::int64_t n, Isa isa, Op wanted_op) {
  Bench<T> bench(4, {9, 4 * n + 8}, {Lie::apart, Lie::scattered});
  strew(bench.buffer(1), bench.random);
  Instruction instruction;
  instruction.op = op;
  instruction.inputs = 1;
  const std::int64_t dims[kDims] = {1, 2, 2, n};
  std::copy_n(dims, kDims, instruction.dims);
  instruction.out = operand(0, 1, {0, 5, 2, 0});
  instruction.in[0] = operand(1, 1, {0, 2 * n + 3, n + 1, 1});
  std::vector<T> wanted = bench.out().memory;
  for (int r = 0; r < bench.count; ++r) {
    const std::int64_t lines[kDims] = {1, 2, 2, 1};
    for_each_place(lines, [&](const std::int64_t* at) {
      const std::int64_t from = place_of(instruction.in[0], at);
      wanted[bench.out().place(1 + r, place_of(instruction.out, at))] =
          reduced<T>(wanted_op, n, [&](std::int64_t i) { return bench.read(1, r, from + i); });
    });
  }
  bench.run(isa, instruction);
  return difference(bench.out().memory, wanted);
}

template <class T>
std::string first_problem(Op op) {
  for (const Isa isa : isas()) {
    for (const std::int64_t n : kLengths) {
      if (op == kOp_largest && n == 0) continue;
      const std::string found = problem<T>(op, n, isa, op);
      if (!found.empty()) return "of " + std::to_string(n) + ": " + found;
    }
  }
  return {};
}

template <class T>
void check_added_rows(Lie lie, bool products) {
  for (const Isa isa : isas()) {
    for (const int n : {0, 1, 3, 4, 15, 16, 17, 50, 64, 130}) {
      for (const int rows : {0, 1, 2, 7}) {
        Bench<T> bench(rows, {n, n, n}, {Lie::apart, lie, Lie::scattered});
        bench.out().fill(bench.random);
        std::vector<T> wanted = bench.out().memory;
        for (int r = 0; r < rows; ++r) {
          for (int k = 0; k < n; ++k) {
            const T a = bench.read(1, r, k), b = bench.read(2, r, k);
            wanted[bench.out().place(0, k)] += products ? a * b : a;
          }
        }
        T* to = &bench.out().at(0, 0);
        const Rows<T> a = bench.buffer(1).rows().from(1), b = bench.buffer(2).rows().from(1);
        if (products) {
          kernels<T>(isa).add_products(to, a, b, rows, n);
        } else {
          kernels<T>(isa).add_rows(to, a, rows, n);
        }
        CHECK_EQUAL(difference(bench.out().memory, wanted), "");
      }
    }
  }
}

}  // namespace

RECURRA_TEST(rows_are_added_in_ascending_order_and_to_no_other_place) {
  for (const Lie lie : kLies) {
    check_added_rows<float>(lie, false);
    check_added_rows<double>(lie, false);
  }
}

RECURRA_TEST(so_are_products_of_rows) {
  for (const Lie lie : kLies) {
    check_added_rows<float>(lie, true);
    check_added_rows<double>(lie, true);
  }
}

RECURRA_TEST(a_sum_has_one_order) {
  CHECK_EQUAL(first_problem<float>(kOp_sum), "");
  CHECK_EQUAL(first_problem<double>(kOp_sum), "");
}

RECURRA_TEST(a_mean_is_the_sum_over_the_count) {
  CHECK_EQUAL(first_problem<float>(kOp_mean), "");
  CHECK_EQUAL(first_problem<double>(kOp_mean), "");
}

RECURRA_TEST(the_largest_is_no_number_where_one_is_none) {
  CHECK_EQUAL(first_problem<float>(kOp_largest), "");
  CHECK_EQUAL(first_problem<double>(kOp_largest), "");
}

RECURRA_TEST(another_reduction_would_be_noticed) {
  CHECK(!problem<float>(kOp_sum, 9, Isa::baseline, kOp_mean).empty());
  CHECK(!problem<double>(kOp_sum, 9, Isa::baseline, kOp_largest).empty());
}

int main() { return checks::run_all(); }
