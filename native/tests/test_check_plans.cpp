// A plan that contradicts itself is refused before anything runs.
#include <functional>

#include "tests/refusals.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

const Numbers kTwelve = {1, 1, 1, 12}, kOne = {1, 1, 1, 1}, kMatrix = {1, 1, 3, 4};

Case copy(const char* why, std::int64_t to, std::int64_t from) {
  return {why, kOp_copy, kOne, along(to), {along(from)}};
}

Case column_sum(const char* why, std::int64_t to, std::int64_t from) {
  return {why, kOp_column_sum, kOne, along(to), {along(from)}};
}

Case product(const char* why, std::int64_t to, std::int64_t from) {
  return {why, kOp_product, kMatrix, along(to), {along(from)}};
}

// Why a plan that is taken is refused once it is changed.
std::string changed(const std::function<void(Layout&)>& change) {
  Layout layout = looped({"", kOp_exp, kTwelve, along(kY), {along(kX)}}, Work::rows);
  change(layout);
  return refusal<float>(layout);
}

}  // namespace

RECURRA_TEST(nothing_at_all_is_a_plan) { CHECK_EQUAL(refusal<float>(Layout{}), ""); }

RECURRA_TEST(ops_are_known_and_have_their_inputs) {
  check_case({"op is unknown", kOps, kTwelve, along(kY), {along(kX)}}, Work::rows);
  check_case({"op is unknown", Op(-1), kTwelve, along(kY), {along(kX)}}, Work::rows);
  check_cases({
      {"number of inputs", kOp_add, kTwelve, along(kY), {along(kX)}},
      {"number of inputs", kOp_exp, kTwelve, along(kY), {}},
      {"number of inputs", kOp_where, kTwelve, along(kY), {along(kX), along(kX)}},
      {"number of inputs", kOp_product, kMatrix, along(kStep), {}},
      {"output has no buffer", kOp_exp, kTwelve, along(-1), {along(kX)}},
      {"output has no buffer", kOp_exp, kTwelve, along(9), {along(kX)}},
      {"input has no buffer", kOp_exp, kTwelve, along(kY), {along(9)}},
      {"input has no buffer", kOp_product, kMatrix, along(kStep), {along(kX), along(-1)}},
  });
}

RECURRA_TEST(only_what_is_there_is_written) {
  check_cases({
      copy("", kState, kTile),
      copy("writes what is not there", kX, kY),
      copy("writes what is not there", kWeight, kY),
      copy("writes what is not there", kConstant, kY),
      copy("writes what is not there", kGradient, kY),
      product("", kStep, kX),
      product("writes what is not there", kTile, kX),
      column_sum("", kGradient, kX),
      column_sum("writes what is not there", kY, kX),
  });
}

RECURRA_TEST(only_what_is_there_is_read) {
  check_cases({
      copy("reads what is not there", kY, kGradient),
      product("reads what is not there", kStep, kTile),
      column_sum("reads what is not there", kGradient, kTile),
      column_sum("reads what is not there", kGradient, kStep),
  });
}

RECURRA_TEST(what_is_of_one_step_is_not_there_for_all_times) {
  Layout layout = looped(copy("", kChunk, kState), Work::rows);
  layout.stages[0] = 0;
  CHECK_EQUAL(refusal<float>(layout), "plan: an instruction reads what is not there to be read");
  layout.stages[0] = 1;
  CHECK_EQUAL(refusal<float>(layout), "");
}

RECURRA_TEST(segments_do_one_kind_of_work) {
  check_case(product("wrong kind", kStep, kX), Work::rows);
  check_case(product("wrong kind", kStep, kX), Work::weights);
  check_case(column_sum("wrong kind", kGradient, kX), Work::rows);
  check_case(copy("wrong kind", kY, kX), Work::product);
  check_case(copy("wrong kind", kGradient, kX), Work::weights);
  check_case(copy("work is unknown", kY, kX), static_cast<Work>(3));
  check_case(copy("work is unknown", kY, kX), static_cast<Work>(-1));
}

RECURRA_TEST(matrices_lie_in_weights) {
  const auto with_number = [](std::size_t place, std::int64_t number) {
    Sketch sketch = with_buffers();
    sketch.layout.matrices[place] = number;
    return refusal<float>(sketch.layout);
  };
  CHECK_EQUAL(with_number(0, kWeight), "");
  CHECK_EQUAL(with_number(0, kX), "plan: a matrix is no weight");
  CHECK_EQUAL(with_number(0, 99), "plan: a matrix has no buffer");
  CHECK_EQUAL(with_number(0, -1), "plan: a matrix has no buffer");
  CHECK_EQUAL(with_number(1, 1), "plan: a view leaves its buffer");
  CHECK_EQUAL(with_number(2, -4), "plan: a view leaves its buffer");
  CHECK_EQUAL(with_number(2, INT64_MAX), "plan: a view leaves its buffer");
  CHECK_EQUAL(with_number(4, -1), "plan: a matrix's size is out of range");
  CHECK_EQUAL(with_number(5, INT32_MAX), "plan: a matrix's size is out of range");
  CHECK_EQUAL(with_number(5, 4 + (1ll << 32)), "plan: a number is out of range");
}

RECURRA_TEST(buffers_are_told_apart_and_have_a_size) {
  CHECK_EQUAL(changed([](Layout&) {}), "");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[0] = 9; }), "plan: a buffer's space is unknown");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[0] = 1; }), "plan: two buffers are the same");
  for (const std::int64_t index : {-1, 100}) {
    CHECK_EQUAL(changed([=](Layout& l) { l.buffers[1] = index; }),
                "plan: a buffer's index is out of range");
  }
  for (const std::int64_t size : {std::int64_t{-1}, INT64_MAX}) {
    CHECK_EQUAL(changed([=](Layout& l) { l.buffers[2] = size; }),
                "plan: a buffer's size is out of range");
  }
  CHECK_EQUAL(changed([](Layout& l) { l.constants.clear(); }), "plan: constants are missing");
}

RECURRA_TEST(tables_are_whole) {
  for (Numbers Layout::* table : {&Layout::buffers, &Layout::instructions, &Layout::stages,
                                  &Layout::segments, &Layout::matrices}) {
    CHECK_EQUAL(changed([=](Layout& l) { (l.*table).pop_back(); }),
                "plan: a table has a broken row");
  }
}

RECURRA_TEST(stages_have_their_segments_and_segments_their_instructions) {
  CHECK_EQUAL(changed([](Layout& l) { l.stages[1] = 2; }),
              "plan: a stage has segments that are not there");
  CHECK_EQUAL(changed([](Layout& l) { l.stages[1] = 0; }), "plan: segments are left over");
  CHECK_EQUAL(changed([](Layout& l) { l.stages[1] = -1; }), "plan: segments are left over");
  for (const auto& [place, number] : {std::pair{1, -1}, {2, 2}, {1, 2}}) {
    CHECK_EQUAL(changed([=, p = static_cast<std::size_t>(place), n = number](Layout& l) {
                  l.segments[p] = n;
                }),
                "plan: a segment leaves the instructions");
  }
}

int main() { return checks::run_all(); }
