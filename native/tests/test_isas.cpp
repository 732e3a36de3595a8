// Which instruction sets there are to choose from, and that the environment has the last word.
#include <cstdlib>

#include "kernels/kernels.h"
#include "tests/check.h"

using recurra::Isa;

RECURRA_TEST(the_baseline_runs_everywhere) { CHECK(recurra::supported(Isa::baseline)); }

RECURRA_TEST(a_processor_with_avx512_has_avx2) {
  CHECK(!recurra::supported(Isa::avx512) || recurra::supported(Isa::avx2));
}

RECURRA_TEST(the_environment_chooses) {
  setenv("RECURRA_ISA", "baseline", 1);
  CHECK(recurra::chosen_isa() == Isa::baseline);
}

int main() { return recurra::checks::run_all(); }
