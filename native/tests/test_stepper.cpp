// Single steps: the bits of whole calls, and neither memory nor a mutex asked for on the way.
#include <algorithm>
#include <mutex>

#include "plan/stepper.h"
#include "tests/check.h"
#include "tests/count_allocations.h"
#include "tests/count_locks.h"
#include "tests/elman.h"

using namespace recurra;
using namespace recurra::tests;
using checks::allocations;
using checks::locks;

namespace {

constexpr int kInputs = 5, kSize = 70;

// A stepper with all that has to outlive it.
struct Steps {
  Steps(const Plan<float>& plan, const ElmanCall& call, int most_rows)
      : given{call.w.data(), call.r.data()},
        packed(packed_count(plan)),
        stepper(plan, given, pack(plan, most_rows), most_rows) {}
  const float* pack(const Plan<float>& plan, int most_rows) {
    pack_weights(plan, given, Stepper<float>::packing(most_rows), packed.data());
    return packed.data();
  }

  const float* given[2];
  std::vector<float> packed;
  Stepper<float> stepper;
};

// The answers of a call, step by step.
std::vector<float> stepped(const Plan<float>& plan, const ElmanCall& call, int most_rows) {
  Steps steps(plan, call, most_rows);
  std::vector<float> y(call.y.size());
  const auto place = [&](int row, int t) { return static_cast<std::size_t>(row * call.time + t); };
  for (int t = 0; t < call.time; ++t) {
    for (int row = 0; row < call.rows; ++row) {
      std::copy_n(&call.x[place(row, t) * kInputs], kInputs, steps.stepper.x(0) + row * kInputs);
    }
    steps.stepper.step(call.rows);
    for (int row = 0; row < call.rows; ++row) {
      std::copy_n(steps.stepper.y(0) + row * kSize, kSize, &y[place(row, t) * kSize]);
    }
  }
  return y;
}

template <class Work>
long counted(long (*count)(), Work work) {
  const long before = count();
  work();
  return count() - before;
}

long locks_taken() { return locks.load(); }

}  // namespace

RECURRA_TEST(steps_have_the_bits_of_whole_sequences) {
  for (const Isa isa : isas()) {
    for (const bool all_times : {false, true}) {
      const Plan<float> plan(elman_layout(kInputs, kSize, all_times), isa);
      for (const int rows : {1, 2, 9}) {
        ElmanCall call(rows, 7, kInputs, kSize);
        const std::vector<float> got = stepped(plan, call, rows);
        CHECK_EQUAL(difference(got, call.run(plan)), "");
      }
    }
  }
}

RECURRA_TEST(room_for_more_rows_changes_no_bit) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  ElmanCall call(1, 7, kInputs, kSize);
  CHECK_EQUAL(difference(stepped(plan, call, 5), call.run(plan)), "");
}

RECURRA_TEST(a_step_of_no_rows_leaves_all_as_it_is) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  const ElmanCall call(1, 1, kInputs, kSize);
  for (const int most_rows : {1, 3}) {
    Steps steps(plan, call, most_rows);
    std::fill_n(steps.stepper.x(0), kInputs, 1.0f);
    steps.stepper.step(0);
    CHECK(std::count(steps.stepper.state(0), steps.stepper.state(0) + kSize, 0.0f) == kSize);
    CHECK(std::count(steps.stepper.y(0), steps.stepper.y(0) + kSize, 0.0f) == kSize);
  }
}

RECURRA_TEST(no_step_asks_for_memory_or_a_mutex) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  const ElmanCall call(3, 1, kInputs, kSize);
  for (const int rows : {1, 3}) {
    Steps steps(plan, call, rows);
    const auto work = [&] {
      for (int k = 0; k < 100; ++k) steps.stepper.step(rows);
    };
    CHECK_EQUAL(counted(allocations, work), 0);
    CHECK_EQUAL(counted(locks_taken, work), 0);
  }
}

RECURRA_TEST(those_counters_count) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  ElmanCall call(3, 1, kInputs, kSize);
  CHECK(counted(allocations, [&] { call.run(plan); }) > 0);
#if defined(RECURRA_COUNTS_LOCKS)
  std::mutex mutex;
  CHECK_EQUAL(counted(locks_taken, [&] { const std::lock_guard<std::mutex> lock(mutex); }), 1);
  CHECK(counted(locks_taken, [&] { call.run(plan); }) > 0);
#endif
}

int main() { return checks::run_all(); }
