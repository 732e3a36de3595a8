// Products with a matrix that each row holds, against plain loops in the documented order.
#include <algorithm>
#include <cmath>

#include "tests/check.h"
#include "tests/in_order.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

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

int main() { return checks::run_all(); }
