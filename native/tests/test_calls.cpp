// Whole calls of one layer: the same bits for any rows, chunks and packing, in any floating-point mode.
#include <cfenv>

#include "plan/pool.h"
#include "tests/check.h"
#include "tests/elman.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace recurra;
using namespace recurra::tests;

namespace {

constexpr int kRows = 5, kTime = 11;

// A call of all rows, and the same rows one by one.
std::string alone_or_together(const Layout& layout, int inputs, int size) {
  for (const Isa isa : isas()) {
    const Plan<float> plan(layout, isa);
    ElmanCall together(kRows, kTime, inputs, size), alone(kRows, kTime, inputs, size);
    for (int row = 0; row < kRows; ++row) alone.run(plan, row, 1);
    const std::string found = difference(alone.y, together.run(plan));
    if (!found.empty()) return found;
    if (alone.h != together.h) return "other states";
  }
  return {};
}

}  // namespace

RECURRA_TEST(rows_alone_have_the_bits_of_rows_together) {
  CHECK_EQUAL(alone_or_together(elman_layout(5, 70, true), 5, 70), "");
  CHECK_EQUAL(alone_or_together(elman_layout(5, 70, false), 5, 70), "");
}

// A matrix is packed for one row if only loops over time multiply by it. This one is multiplied for all
// times too, and was read as if it were: answers of a single row were wrong.
RECURRA_TEST(a_matrix_used_in_a_loop_and_for_all_times_is_read_as_it_is_packed) {
  CHECK_EQUAL(alone_or_together(elman_layout(70, 70, true, true), 70, 70), "");
}

RECURRA_TEST(calls_without_rows_or_times_write_no_answer) {
  const Plan<float> plan(elman_layout(5, 70, true), chosen_isa());
  CHECK(ElmanCall(0, kTime, 5, 70).run(plan).empty());
  CHECK(ElmanCall(kRows, 0, 5, 70).run(plan).empty());
}

#if defined(__SSE2__)

namespace {

constexpr unsigned kFlush = 0x8040;  // subnormal results and inputs are taken for zero

// Sets the mode that a caller may be in, and says whether the engine gave it back.
template <class Work>
bool gives_back(unsigned flush, int rounding, Work work) {
  const unsigned usual = _mm_getcsr();
  std::fesetround(rounding);
  _mm_setcsr(_mm_getcsr() | flush);
  const unsigned given = _mm_getcsr();
  work();
  const bool back = _mm_getcsr() == given;
  _mm_setcsr(usual);
  std::fesetround(FE_TONEAREST);
  return back;
}

}  // namespace

RECURRA_TEST(the_callers_floating_point_mode_changes_nothing_and_is_given_back) {
  // Enough work for threads, whose mode is not the caller's; inputs so small that answers are subnormal.
  const int rows = 64, time = 40, inputs = 32, size = 64;
  const Plan<float> plan(elman_layout(inputs, size, true), chosen_isa());
  for (const double scale : {1.0, 1e-38}) {
    ElmanCall wanted(rows, time, inputs, size, scale);
    wanted.run(plan);
    for (const int threads : {1, 2}) {
      set_threads(threads);
      for (const unsigned flush : {0u, kFlush}) {
        for (const int rounding : {FE_TONEAREST, FE_UPWARD, FE_TOWARDZERO}) {
          ElmanCall call(rows, time, inputs, size, scale);
          CHECK(gives_back(flush, rounding, [&] { call.run(plan); }));
          CHECK_EQUAL(difference(call.y, wanted.y, same_bytes<float>), "");
        }
      }
    }
  }
  set_threads(1);
}

RECURRA_TEST(those_modes_would_change_bits) {
  volatile float small = 1e-38f, third = 1.0f / 3, kept = 0, flushed = 0, up = 0, down = 0;
  kept = small * third;
  CHECK(gives_back(kFlush, FE_TONEAREST, [&] { flushed = small * third; }));
  CHECK(gives_back(0, FE_UPWARD, [&] { up = third * third; }));
  CHECK(gives_back(0, FE_TOWARDZERO, [&] { down = third * third; }));
  CHECK(kept != flushed);
  CHECK(up != down);
}

#endif

int main() { return checks::run_all(); }
