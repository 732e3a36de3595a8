// Ops of an index: whatever 64 bits it has, nothing outside is read or written.
#include <iterator>

#include "tests/check.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

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
