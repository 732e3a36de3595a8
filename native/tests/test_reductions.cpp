// Ops over the last axis and on matrices that each row holds, against plain loops in the documented order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/check.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

constexpr std::int64_t kLengths[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  15,
                                     16, 17, 18, 31, 32, 33, 50, 65, 130};
constexpr int kOrder = 16;

// Element i joins running value i mod 16, then halves join halves.
template <class T, class Begin, class Join, class Halve>
T in_order(std::int64_t n, Begin begin, Join join, Halve halve) {
  T running[kOrder];
  for (T& each : running) each = begin;
  for (std::int64_t i = 0; i < n; ++i) running[i % kOrder] = join(running[i % kOrder], i);
  for (int half = kOrder / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) running[i] = halve(running[i], running[i + half]);
  }
  return running[0];
}

template <class T>
T add(T a, T b) {
  return a + b;
}

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

}  // namespace

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

namespace {

template <class T>
std::string problem_of_matvec(std::int64_t rows, std::int64_t columns, Isa isa) {
  Bench<T> bench(3, {2 * rows + 2, rows * (columns + 2), columns + 1},
                 {Lie::apart, Lie::scattered});
  Instruction instruction;
  instruction.op = kOp_matvec;
  instruction.inputs = 2;
  const std::int64_t dims[kDims] = {1, 1, rows, columns};
  std::copy_n(dims, kDims, instruction.dims);
  instruction.out = operand(0, 1, {0, 0, 2, 0});
  instruction.in[0] = operand(1, 0, {0, 0, columns + 2, 1});
  instruction.in[1] = operand(2, 1, {0, 0, 0, 1});
  std::vector<T> wanted = bench.out().memory;
  for (int r = 0; r < bench.count; ++r) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto multiply_add = [&](T sum, std::int64_t j) {
        return std::fma(bench.read(1, r, i * (columns + 2) + j), bench.read(2, r, 1 + j), sum);
      };
      wanted[bench.out().place(1 + r, 1 + 2 * i)] =
          in_order<T>(columns, T(0), multiply_add, add<T>);
    }
  }
  bench.run(isa, instruction);
  return difference(bench.out().memory, wanted);
}

template <class T>
std::string problem_of_matvec_transposed(std::int64_t rows, std::int64_t columns, Isa isa) {
  Bench<T> bench(3, {columns + 1, rows * (columns + 2), 3 * rows + 1},
                 {Lie::apart, Lie::scattered});
  Instruction instruction;
  instruction.op = kOp_matvec_transposed;
  instruction.inputs = 2;
  const std::int64_t dims[kDims] = {1, 1, rows, columns};
  std::copy_n(dims, kDims, instruction.dims);
  instruction.out = operand(0, 1, {0, 0, 0, 1});
  instruction.in[0] = operand(1, 0, {0, 0, columns + 2, 1});
  instruction.in[1] = operand(2, 1, {0, 0, 3, 0});
  std::vector<T> wanted = bench.out().memory;
  for (int r = 0; r < bench.count; ++r) {
    for (std::int64_t j = 0; j < columns; ++j) {
      T sum = 0;
      for (std::int64_t i = 0; i < rows; ++i) {
        sum = std::fma(bench.read(1, r, i * (columns + 2) + j), bench.read(2, r, 1 + 3 * i), sum);
      }
      wanted[bench.out().place(1 + r, 1 + j)] = sum;
    }
  }
  bench.run(isa, instruction);
  return difference(bench.out().memory, wanted);
}

template <class T>
std::string first_problem_of(std::string (*problem_of)(std::int64_t, std::int64_t, Isa)) {
  for (const Isa isa : isas()) {
    for (const std::int64_t columns : kLengths) {
      for (const std::int64_t rows : {0, 1, 2, 5, 16, 33}) {
        const std::string found = problem_of(rows, columns, isa);
        if (!found.empty())
          return std::to_string(rows) + " x " + std::to_string(columns) + ": " + found;
      }
    }
  }
  return {};
}

}  // namespace

RECURRA_TEST(a_matrix_of_a_row_times_a_vector_has_one_order) {
  CHECK_EQUAL(first_problem_of<float>(problem_of_matvec<float>), "");
  CHECK_EQUAL(first_problem_of<double>(problem_of_matvec<double>), "");
}

RECURRA_TEST(a_transposed_matrix_of_a_row_is_summed_in_ascending_rows) {
  CHECK_EQUAL(first_problem_of<float>(problem_of_matvec_transposed<float>), "");
  CHECK_EQUAL(first_problem_of<double>(problem_of_matvec_transposed<double>), "");
}

namespace {

constexpr std::int64_t kIndices[] = {0, 2, 4, 5, -1, INT64_MAX, INT64_MIN};
constexpr std::int64_t kPlaces = 5;

// An index in the second buffer of every row, in the bytes of as many elements as it takes.
template <class T>
void put_indices(Bench<T>& bench) {
  for (int r = 0; r < bench.count; ++r) std::memcpy(&bench.buffer(1).at(1 + r, 1), &kIndices[r], 8);
}

constexpr int kCount = static_cast<int>(std::size(kIndices));

template <class T>
void check_one_hot() {
  for (const Isa isa : isas()) {
    Bench<T> bench(kCount, {kPlaces + 2, 1 + 8 / sizeof(T)}, {Lie::apart, Lie::scattered});
    put_indices(bench);
    Instruction instruction;
    instruction.op = kOp_one_hot;
    instruction.inputs = 1;
    instruction.extra = instruction.dims[3] = kPlaces;
    instruction.out = operand(0, 1, {0, 0, 0, 1});
    instruction.in[0] = operand(1, 1, {0, 0, 0, 0});
    std::vector<T> wanted = bench.out().memory;
    for (int r = 0; r < kCount; ++r) {
      for (std::int64_t k = 0; k < kPlaces; ++k) {
        wanted[bench.out().place(1 + r, 1 + k)] = T(k == kIndices[r]);
      }
    }
    bench.run(isa, instruction);
    CHECK_EQUAL(difference(bench.out().memory, wanted), "");
  }
}

template <class T>
void check_gather(std::int64_t n, std::int64_t row_stride, std::int64_t column_stride) {
  for (const Isa isa : isas()) {
    const std::int64_t size =
        1 + (kPlaces - 1) * row_stride + (n > 0 ? (n - 1) * column_stride + 1 : 0);
    Bench<T> bench(kCount, {n + 2, 1 + 8 / sizeof(T), size}, {Lie::apart, Lie::scattered});
    put_indices(bench);
    Instruction instruction;
    instruction.op = kOp_gather;
    instruction.inputs = 2;
    instruction.extra = kPlaces;
    instruction.dims[3] = n;
    instruction.out = operand(0, 1, {0, 0, 0, 1});
    instruction.in[0] = operand(1, 1, {0, 0, 0, 0});
    instruction.in[1] = operand(2, 1, {0, 0, row_stride, column_stride});
    std::vector<T> wanted = bench.out().memory;
    for (int r = 0; r < kCount; ++r) {
      const bool inside = kIndices[r] >= 0 && kIndices[r] < kPlaces;
      for (std::int64_t i = 0; i < n; ++i) {
        wanted[bench.out().place(1 + r, 1 + i)] =
            inside ? bench.read(2, r, 1 + kIndices[r] * row_stride + i * column_stride) : T(0);
      }
    }
    bench.run(isa, instruction);
    CHECK_EQUAL(difference(bench.out().memory, wanted), "");
  }
}

}  // namespace

RECURRA_TEST(an_index_is_one_hot_and_one_outside_is_all_zeros) {
  check_one_hot<float>();
  check_one_hot<double>();
}

RECURRA_TEST(an_index_gathers_a_line_and_one_outside_zeros) {
  for (const std::int64_t n : {0, 1, 7, 33}) {
    check_gather<float>(n, n + 1, 1);
    check_gather<double>(n, n + 1, 1);
    check_gather<float>(n, 1, kPlaces);
    check_gather<double>(n, 1, kPlaces);
  }
}

int main() { return checks::run_all(); }
