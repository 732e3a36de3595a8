// Copies that go through their input in any step, and runs of elements added onto others.
#include <algorithm>

#include "tests/check.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

template <class T>
void check_copies_of_any_step() {
  for (const Isa isa : isas()) {
    for (const std::int64_t step : {-3, -1, 2, 3, 17}) {
      for (const std::int64_t n : {0, 1, 2, 9, 33}) {
        const std::int64_t reach = std::max<std::int64_t>(0, (step < 0 ? -step : step) * (n - 1));
        Bench<T> bench(3, {2 * (n + 1), reach + 12}, {Lie::scattered, Lie::apart});
        Instruction copy;
        copy.inputs = 1;
        std::copy_n(std::vector<std::int64_t>{1, 2, 1, n}.data(), kDims, copy.dims);
        copy.out = operand(0, 1, {0, n + 1, 0, 1});
        copy.in[0] = operand(1, step < 0 ? reach : 0, {0, 11, 0, step});
        std::vector<T> wanted = bench.out().memory;
        for (int r = 0; r < bench.count; ++r) {
          for_each_place(copy.dims, [&](const std::int64_t* at) {
            wanted[bench.out().place(1 + r, place_of(copy.out, at))] =
                bench.read(copy.in[0], r, at);
          });
        }
        bench.run(isa, copy);
        CHECK_EQUAL(difference(bench.out().memory, wanted), "");
      }
    }
  }
}

}  // namespace

RECURRA_TEST(a_copy_goes_through_its_input_in_any_step) {
  check_copies_of_any_step<float>();
  check_copies_of_any_step<double>();
}

int main() { return checks::run_all(); }
