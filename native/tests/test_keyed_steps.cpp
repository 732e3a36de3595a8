// Batches of events by key: the bits of each key alone, and no memory asked for on the way.
#include <algorithm>
#include <limits>
#include <map>

#include "streams/keyed_steps.h"
#include "tests/check.h"
#include "tests/count_allocations.h"
#include "tests/elman.h"
#include "tests/named_keys.h"

using namespace recurra;
using namespace recurra::tests;
using checks::allocations;

namespace {

constexpr int kInputs = 5, kSize = 33;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

using Values = std::vector<float>;
using Names = std::vector<std::string>;

// A layer, a table of its states, and what steps them.
struct Keyed {
  Keyed(const Plan<float>& plan, int most_rows, bool only_finite_ = false)
      : call(1, 1, kInputs, kSize),
        given{call.w.data(), call.r.data()},
        many(pack(plan, Packing::many_rows)),
        one(pack(plan, Packing::one_row)),
        steps(plan, given, many.data(), one.data(), most_rows),
        table(kSize * sizeof(float)),
        batch(table),
        only_finite(only_finite_) {}

  Values pack(const Plan<float>& plan, Packing packing) const {
    Values packed(packed_count(plan));
    pack_weights(plan, given, packing, packed.data());
    return packed;
  }

  void resolve(const Names& names, std::int64_t oldest = kNever) {
    Key* const keys = batch.reserve(names.size());
    for (std::size_t k = 0; k < names.size(); ++k) keys[k] = key_of(names[k]);
    batch.resolve(names.size(), oldest);
  }

  void step(const Names& names, const Values& xs, Values& ys, std::int64_t now = 0) {
    resolve(names);
    ys.resize(names.size() * kSize);
    steps.run(batch, xs.data(), ys.data(), only_finite);
    batch.finish(now);
  }

  Values state(const std::string& name) const {
    Values found(kSize);
    std::memcpy(found.data(), table.state(table.find(key_of(name))), kSize * sizeof(float));
    return found;
  }

  ElmanCall call;
  const float* given[2];
  Values many, one;
  KeyedSteps<float> steps;
  Table table;
  Batch batch;
  bool only_finite;
};

// One call of one row for each event, with the states in a map.
Values one_by_one(const Plan<float>& plan, std::map<std::string, Values>& states,
                  const Names& names, const Values& xs) {
  Values ys;
  for (std::size_t k = 0; k < names.size(); ++k) {
    ElmanCall call(1, 1, kInputs, kSize);
    Values& state = states[names[k]];
    state.resize(kSize);
    call.h = state;
    std::copy_n(&xs[k * kInputs], kInputs, call.x.begin());
    call.run(plan);
    state = call.h;
    ys.insert(ys.end(), call.y.begin(), call.y.end());
  }
  return ys;
}

Values events(std::size_t count, int seed) {
  Random random;
  for (int k = 0; k < seed; ++k) random();
  Values xs(count * kInputs);
  for (float& x : xs) x = static_cast<float>(random());
  return xs;
}

Names drawn(std::size_t count, std::uint64_t different, int seed) {
  Names names;
  auto at = static_cast<std::uint64_t>(seed);
  for (std::size_t k = 0; k < count; ++k) {
    at = at * 6364136223846793005u + 1442695040888963407u;
    names.push_back(name_of((at >> 33) % different));
  }
  return names;
}

}  // namespace

RECURRA_TEST(batches_have_the_bits_of_each_key_alone) {
  for (const Isa isa : isas()) {
    for (const bool all_times : {false, true}) {
      const Plan<float> plan(elman_layout(kInputs, kSize, all_times), isa);
      for (const int most_rows : {1, 4, 64}) {
        Keyed keyed(plan, most_rows);
        std::map<std::string, Values> states;
        int seed = 0;
        for (const std::uint64_t different : {1, 2, 3, 40, 500}) {
          for (const std::size_t count : {1, 0, 7, 130}) {
            const Names names = drawn(count, different, ++seed);
            const Values xs = events(count, seed);
            Values got;
            keyed.step(names, xs, got);
            CHECK_EQUAL(difference(got, one_by_one(plan, states, names, xs)), "");
          }
        }
        CHECK_EQUAL(keyed.table.size(), states.size());
        for (const auto& [name, state] : states) {
          CHECK_EQUAL(difference(keyed.state(name), state), "");
        }
      }
    }
  }
}

RECURRA_TEST(an_abandoned_batch_leaves_the_table_as_it_was) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  Keyed keyed(plan, 8);
  Values ys;
  keyed.step({"a", "b"}, events(2, 1), ys, 5);
  const Values before = keyed.state("a");

  keyed.resolve({"a", "new", "new", "other"});
  CHECK_EQUAL(keyed.batch.fresh().size(), 2u);
  CHECK_EQUAL(keyed.batch.keys(), 3u);
  keyed.batch.abandon();

  CHECK_EQUAL(keyed.table.size(), 2u);
  CHECK(!keyed.table.has("new"));
  CHECK_EQUAL(difference(keyed.state("a"), before), "");
  CHECK_EQUAL(keyed.table.entry(keyed.table.find(key_of("a"))).last_seen, 5);
}

RECURRA_TEST(a_key_last_seen_too_long_ago_starts_again) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  Keyed keyed(plan, 8);
  std::map<std::string, Values> states;
  const Names names = {"a", "b", "a"};
  Values ys;
  keyed.step({"a"}, events(1, 1), ys, 5);

  keyed.resolve(names, 6);
  ys.resize(3 * kSize);
  keyed.steps.run(keyed.batch, events(3, 2).data(), ys.data(), false);
  keyed.batch.finish(7);

  CHECK_EQUAL(difference(ys, one_by_one(plan, states, names, events(3, 2))), "");
}

RECURRA_TEST(an_answer_that_is_not_finite_leaves_its_state) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  for (const Names& names : {Names{"a", "b", "a", "c"}, Names{"a", "a", "a", "a"}}) {
    Keyed keyed(plan, 8, true);
    std::map<std::string, Values> states;
    Values xs = events(4, 1), ys;
    xs[2 * kInputs] = std::numeric_limits<float>::quiet_NaN();
    keyed.step(names, xs, ys);
    CHECK(ys[2 * kSize] != ys[2 * kSize]);

    Values fine = xs;
    fine.erase(fine.begin() + 2 * kInputs, fine.begin() + 3 * kInputs);
    one_by_one(plan, states, {names[0], names[1], names[3]}, fine);
    for (const auto& [name, state] : states) {
      CHECK_EQUAL(difference(keyed.state(name), state), "");
    }
  }
}

RECURRA_TEST(a_batch_of_known_keys_asks_for_no_memory) {
  const Plan<float> plan(elman_layout(kInputs, kSize, true), chosen_isa());
  Keyed keyed(plan, 16);
  std::vector<Names> batches;
  for (int seed = 0; seed < 20; ++seed) batches.push_back(drawn(200, 150, seed));
  const Values xs = events(200, 1);
  Values ys;
  const auto work = [&] {
    for (const Names& names : batches) keyed.step(names, xs, ys);
  };
  long before = allocations();
  work();
  CHECK(allocations() > before);
  before = allocations();
  work();
  CHECK_EQUAL(allocations() - before, 0);
}

int main() { return checks::run_all(); }
