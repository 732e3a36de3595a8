// A plan that contradicts itself is refused before anything runs. Each case is a plan that is taken, with
// one thing about it changed.
#include <functional>
#include <stdexcept>
#include <string>

#include "plan/plan.h"
#include "tests/check.h"
#include "tests/sketch.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

// Why a plan is refused, or nothing.
template <class T>
std::string refusal(const Layout& layout) {
  try {
    const Plan<T> plan(layout, Isa::baseline);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

// Buffers of every space, 12 elements each, by their names.
struct Buffers : Sketch {
  std::int64_t x = buffer(Space::x, 12), y = buffer(Space::y, 12), weight = buffer(Space::weight, 12),
               gradient = buffer(Space::weight_grad, 12), constant = buffer(Space::constant, 1),
               state = buffer(Space::state, 12), chunk = buffer(Space::chunk, 12),
               step = buffer(Space::step, 12), tile = buffer(Space::tile, 12);
  std::int64_t w = matrix(weight, 3, 4);
  Buffers() { layout.constants = {2.0}; }
};

const Numbers kTwelve = {1, 1, 1, 12}, kThirteen = {1, 1, 1, 13}, kMatrix = {1, 1, 3, 4};

// One instruction in a loop.
Layout looped(Work work, const std::function<void(Buffers&)>& draw) {
  Buffers sketch;
  sketch.stage(true).segment(work);
  draw(sketch);
  return sketch.layout;
}

struct Case {
  const char* why;  // part of the message; "" for a plan that is taken
  Work work;
  std::function<void(Buffers&)> draw;
};

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const Layout layout = looped(each.work, each.draw);
    for (const std::string& found : {refusal<float>(layout), refusal<double>(layout)}) {
      const std::string wanted = each.why;
      if (wanted.empty() ? found.empty() : found.find(wanted) != std::string::npos) continue;
      checks::fail(__FILE__, __LINE__, ("expected \"" + wanted + "\", got \"" + found + '"').c_str());
    }
  }
}

constexpr auto kRowsWork = Work::rows;
const char* const kLeaves = "a view leaves its buffer";

}  // namespace

RECURRA_TEST(views_of_pointwise_ops_stay_in_their_buffers) {
  check({
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y), {along(b.x)}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_exp, kThirteen, along(b.y), {along(b.x)}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y, 1), {along(b.x)}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y), {along(b.x, -1)}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_add, kTwelve, along(b.y), {along(b.x), one_number(b.constant, 1)}); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_add, kTwelve, along(b.y), {along(b.x), one_number(b.constant)}); }},
      // The last stride of what is written is not asked.
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_exp, kThirteen, one_number(b.y), {one_number(b.x)}); }},
      {"cannot go through", kRowsWork, [](Buffers& b) { b.add(kOp_exp, {1, 1, 1, 6}, along(b.y), {{b.x, 0, 0, 0, 0, 2}}); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_copy, {1, 1, 1, 6}, along(b.y), {{b.x, 1, 0, 0, 0, 2}}); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_copy, kTwelve, along(b.y), {{b.x, 11, 0, 0, 0, -1}}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_copy, kTwelve, along(b.y), {{b.x, 10, 0, 0, 0, -1}}); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_copy, {2, 2, 2, 2}, {b.y, 0, 8, 4, 2, 1}, {along(b.x)}); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_copy, {0, 9, 9, 9}, {b.y, 0, 99, 9, 9, 1}, {along(b.x)}); }},
  });
}

RECURRA_TEST(numbers_that_overflow_are_no_way_out) {
  const std::int64_t huge = INT64_MAX;
  check({
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_exp, {1, 1, 3, 4}, along(b.y), {{b.x, 0, 0, 0, huge, 1}}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_exp, {1, 1, 2, 4}, along(b.y), {{b.x, huge, 0, 0, huge, 1}}); }},
      {"dimension is out of range", kRowsWork, [=](Buffers& b) { b.add(kOp_exp, {1, 1, 1, huge}, along(b.y), {along(b.x)}); }},
      {"dimension is out of range", kRowsWork, [](Buffers& b) { b.add(kOp_exp, {1, 1, 1, -1}, along(b.y), {along(b.x)}); }},
      {"too large", kRowsWork, [](Buffers& b) { b.add(kOp_exp, {1 << 20, 1 << 20, 1 << 20, 1}, along(b.y), {along(b.x)}); }},
      {"number is out of range", kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y + (1ll << 32)), {along(b.x)}); }},
  });
}

RECURRA_TEST(ops_over_the_last_axis_stay_in_their_buffers) {
  const Numbers line = {1, 1, 3, 4};
  check({
      {"", kRowsWork, [=](Buffers& b) { b.add(kOp_sum, line, {b.y, 0, 0, 0, 1, 0}, {lines(b.x, 4)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_sum, line, {b.y, 0, 0, 0, 6, 0}, {lines(b.x, 4)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_mean, line, {b.y, 0, 0, 0, 1, 0}, {lines(b.x, 4, 1)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_largest, line, {b.y, 0, 0, 0, 1, 0}, {{b.x, 9, 0, 0, 0, 0}}); }},
      {"no largest", kRowsWork, [](Buffers& b) { b.add(kOp_largest, {1, 1, 3, 0}, {b.y, 0, 0, 0, 1, 0}, {along(b.x)}); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_sum, {1, 1, 3, 0}, {b.y, 0, 0, 0, 1, 0}, {along(b.x)}); }},
      {"", kRowsWork, [=](Buffers& b) { b.add(kOp_matvec, kMatrix, {b.y, 0, 0, 0, 1, 0}, {lines(b.x, 4), along(b.step)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_matvec, kMatrix, {b.y, 0, 0, 0, 1, 0}, {lines(b.x, 5), along(b.step)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_matvec, kMatrix, {b.y, 0, 0, 0, 1, 0}, {lines(b.x, 4), along(b.step, 9)}); }},
      {"", kRowsWork, [=](Buffers& b) { b.add(kOp_matvec_transposed, kMatrix, along(b.y), {lines(b.x, 4), lines(b.step, 1)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_matvec_transposed, kMatrix, along(b.y, 9), {lines(b.x, 4), lines(b.step, 1)}); }},
      {kLeaves, kRowsWork, [=](Buffers& b) { b.add(kOp_matvec_transposed, kMatrix, along(b.y), {lines(b.x, 4), lines(b.step, 6)}); }},
      {"more dimensions", kRowsWork, [=](Buffers& b) { b.add(kOp_matvec_transposed, {2, 1, 3, 4}, along(b.y), {lines(b.x, 4), lines(b.step, 1)}); }},
  });
}

RECURRA_TEST(ops_of_an_index_stay_in_their_buffers) {
  check({
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_one_hot, kTwelve, along(b.y), {one_number(b.x)}, 12); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_one_hot, kTwelve, along(b.y), {one_number(b.x)}, 13); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_one_hot, kTwelve, along(b.y), {one_number(b.x, 12)}, 12); }},
      {"places", kRowsWork, [](Buffers& b) { b.add(kOp_one_hot, kTwelve, along(b.y), {one_number(b.x)}, -1); }},
      {"", kRowsWork, [](Buffers& b) { b.add(kOp_gather, {1, 1, 1, 4}, along(b.y), {one_number(b.x), lines(b.weight, 4)}, 3); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_gather, {1, 1, 1, 4}, along(b.y), {one_number(b.x), lines(b.weight, 4)}, 4); }},
      {kLeaves, kRowsWork, [](Buffers& b) { b.add(kOp_gather, {1, 1, 1, 4}, along(b.y, 9), {one_number(b.x), lines(b.weight, 4)}, 3); }},
      {"more dimensions", kRowsWork, [](Buffers& b) { b.add(kOp_gather, {1, 1, 2, 4}, along(b.y), {one_number(b.x), lines(b.weight, 4)}, 3); }},
  });
}

RECURRA_TEST(an_index_takes_eight_bytes) {
  const Layout layout = looped(Work::rows, [](Buffers& b) { b.add(kOp_one_hot, kTwelve, along(b.y), {one_number(b.x, 11)}, 12); });
  CHECK(refusal<double>(layout).empty());
  CHECK(!refusal<float>(layout).empty());
}

RECURRA_TEST(products_have_a_matrix_of_their_size) {
  const auto product = [](std::int64_t dims2, std::int64_t dims3, std::int64_t a, std::int64_t out, std::int64_t matrix) {
    return [=](Buffers& b) { b.add(kOp_product, {1, 1, dims2, dims3}, along(b.step, out), {along(b.x, a)}, matrix); };
  };
  check({
      {"", Work::product, product(3, 4, 8, 9, 0)},
      {"no matrix", Work::product, product(3, 4, 8, 9, 1)},
      {"no matrix", Work::product, product(3, 4, 8, 9, -1)},
      {"another size", Work::product, product(2, 4, 8, 9, 0)},
      {kLeaves, Work::product, product(3, 4, 9, 9, 0)},
      {kLeaves, Work::product, product(3, 4, 8, 10, 0)},
      {kLeaves, Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.x), along(b.weight, 10)}, b.w); }},
      {"", Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.step, 3), along(b.step)}, b.w); }},
      {"what it multiplies", Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.step, 2)}, b.w); }},
      {"what it is added onto", Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.x), along(b.step, 1)}, b.w); }},
  });
}

RECURRA_TEST(matrices_lie_in_weights) {
  const auto with_matrix = [](const std::function<void(Buffers&)>& change) {
    Buffers sketch;
    change(sketch);
    return refusal<float>(sketch.layout);
  };
  const auto put = [&](int place, std::int64_t number) {
    return with_matrix([=](Buffers& b) { b.layout.matrices[static_cast<std::size_t>(place)] = number; });
  };
  CHECK_EQUAL(put(0, 2), "");
  CHECK_EQUAL(put(0, 0), "plan: a matrix is no weight");
  CHECK_EQUAL(put(0, 99), "plan: a matrix has no buffer");
  CHECK_EQUAL(put(0, -1), "plan: a matrix has no buffer");
  CHECK_EQUAL(put(1, 1), "plan: a view leaves its buffer");
  CHECK_EQUAL(put(2, -4), "plan: a view leaves its buffer");
  CHECK_EQUAL(put(2, INT64_MAX), "plan: a view leaves its buffer");
  CHECK_EQUAL(put(4, -1), "plan: a matrix's size is out of range");
  CHECK_EQUAL(put(5, INT32_MAX), "plan: a matrix's size is out of range");
  CHECK_EQUAL(put(5, 4 + (1ll << 32)), "plan: a number is out of range");
}

RECURRA_TEST(sums_onto_weights_stay_in_their_buffers) {
  check({
      {"", Work::weights, [](Buffers& b) { b.add(kOp_outer, kMatrix, lines(b.gradient, 4), {along(b.x), along(b.chunk)}); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_outer, kMatrix, lines(b.gradient, 5), {along(b.x), along(b.chunk)}); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_outer, kMatrix, lines(b.gradient, 4), {along(b.x, 10), along(b.chunk)}); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_outer, kMatrix, lines(b.gradient, 4), {along(b.x), along(b.chunk, 9)}); }},
      {"over each other", Work::weights, [](Buffers& b) { b.add(kOp_outer, kMatrix, lines(b.gradient, 3), {along(b.x), along(b.chunk)}); }},
      {"", Work::weights, [](Buffers& b) { b.add(kOp_column_sum, kMatrix, {b.gradient, 0, 0, 0, 1, 3}, {lines(b.x, 4)}); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_column_sum, kMatrix, {b.gradient, 0, 0, 0, 1, 4}, {lines(b.x, 4)}); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_column_sum, kThirteen, one_number(b.gradient), {along(b.x)}); }},
      {"", Work::weights, [](Buffers& b) { b.add(kOp_scatter, {1, 1, 1, 4}, lines(b.gradient, 4), {one_number(b.x), along(b.chunk)}, 3); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_scatter, {1, 1, 1, 4}, lines(b.gradient, 4), {one_number(b.x), along(b.chunk)}, 4); }},
      {kLeaves, Work::weights, [](Buffers& b) { b.add(kOp_scatter, {1, 1, 1, 4}, lines(b.gradient, 4), {one_number(b.x), along(b.chunk, 9)}, 3); }},
  });
}

RECURRA_TEST(work_is_done_where_its_memory_is) {
  const auto copy = [](std::int64_t Buffers::*to, std::int64_t Buffers::*from) {
    return [=](Buffers& b) { b.add(kOp_copy, {1, 1, 1, 1}, along(b.*to), {along(b.*from)}); };
  };
  const auto sum = [](std::int64_t Buffers::*to, std::int64_t Buffers::*from) {
    return [=](Buffers& b) { b.add(kOp_column_sum, {1, 1, 1, 1}, along(b.*to), {along(b.*from)}); };
  };
  const char* const written = "writes what is not there";
  const char* const read = "reads what is not there";
  check({
      {"", kRowsWork, copy(&Buffers::state, &Buffers::tile)},
      {written, kRowsWork, copy(&Buffers::x, &Buffers::y)},
      {written, kRowsWork, copy(&Buffers::weight, &Buffers::y)},
      {written, kRowsWork, copy(&Buffers::constant, &Buffers::y)},
      {written, kRowsWork, copy(&Buffers::gradient, &Buffers::y)},
      {read, kRowsWork, copy(&Buffers::y, &Buffers::gradient)},
      {written, Work::weights, sum(&Buffers::y, &Buffers::x)},
      {read, Work::weights, sum(&Buffers::gradient, &Buffers::tile)},
      {read, Work::weights, sum(&Buffers::gradient, &Buffers::step)},
      {written, Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.tile), {along(b.x)}, b.w); }},
      {read, Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.tile)}, b.w); }},
      {"wrong kind", kRowsWork, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.x)}, b.w); }},
      {"wrong kind", kRowsWork, sum(&Buffers::gradient, &Buffers::x)},
      {"wrong kind", Work::product, copy(&Buffers::y, &Buffers::x)},
      {"wrong kind", Work::weights, copy(&Buffers::gradient, &Buffers::x)},
      {"work is unknown", static_cast<Work>(3), copy(&Buffers::y, &Buffers::x)},
      {"work is unknown", static_cast<Work>(-1), copy(&Buffers::y, &Buffers::x)},
  });
}

RECURRA_TEST(what_is_of_one_step_is_not_there_for_all_times) {
  Buffers sketch;
  sketch.stage(false).segment(Work::rows).add(kOp_copy, kTwelve, along(sketch.chunk), {along(sketch.state)});
  CHECK_EQUAL(refusal<float>(sketch.layout), "plan: an instruction reads what is not there to be read");
  sketch.layout.stages[0] = 1;
  CHECK_EQUAL(refusal<float>(sketch.layout), "");
}

RECURRA_TEST(ops_are_known_and_have_their_inputs) {
  check({
      {"op is unknown", kRowsWork, [](Buffers& b) { b.add(kOps, kTwelve, along(b.y), {along(b.x)}); }},
      {"op is unknown", kRowsWork, [](Buffers& b) { b.add(static_cast<Op>(-1), kTwelve, along(b.y), {along(b.x)}); }},
      {"number of inputs", kRowsWork, [](Buffers& b) { b.add(kOp_add, kTwelve, along(b.y), {along(b.x)}); }},
      {"number of inputs", kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y), {}); }},
      {"number of inputs", kRowsWork, [](Buffers& b) { b.add(kOp_where, kTwelve, along(b.y), {along(b.x), along(b.x)}); }},
      {"output has no buffer", kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(-1), {along(b.x)}); }},
      {"input has no buffer", kRowsWork, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y), {along(9)}); }},
      {"input has no buffer", Work::product, [](Buffers& b) { b.add(kOp_product, kMatrix, along(b.step), {along(b.x), along(-1)}, b.w); }},
  });
}

RECURRA_TEST(buffers_and_tables_are_whole) {
  const auto changed = [](const std::function<void(Layout&)>& change) {
    Layout layout = looped(Work::rows, [](Buffers& b) { b.add(kOp_exp, kTwelve, along(b.y), {along(b.x)}); });
    change(layout);
    return refusal<float>(layout);
  };
  CHECK_EQUAL(changed([](Layout&) {}), "");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[0] = 9; }), "plan: a buffer's space is unknown");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[0] = 1; }), "plan: two buffers are the same");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[1] = 100; }), "plan: a buffer's index is out of range");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[1] = -1; }), "plan: a buffer's index is out of range");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[2] = -1; }), "plan: a buffer's size is out of range");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers[2] = INT64_MAX; }), "plan: a buffer's size is out of range");
  CHECK_EQUAL(changed([](Layout& l) { l.constants.clear(); }), "plan: constants are missing");
  CHECK_EQUAL(changed([](Layout& l) { l.buffers.pop_back(); }), "plan: a table has a broken row");
  CHECK_EQUAL(changed([](Layout& l) { l.instructions.pop_back(); }), "plan: a table has a broken row");
  CHECK_EQUAL(changed([](Layout& l) { l.stages.pop_back(); }), "plan: a table has a broken row");
  CHECK_EQUAL(changed([](Layout& l) { l.stages[1] = 2; }), "plan: a stage has segments that are not there");
  CHECK_EQUAL(changed([](Layout& l) { l.stages[1] = 0; }), "plan: segments are left over");
  CHECK_EQUAL(changed([](Layout& l) { l.segments[1] = -1; }), "plan: a segment leaves the instructions");
  CHECK_EQUAL(changed([](Layout& l) { l.segments[2] = 2; }), "plan: a segment leaves the instructions");
  CHECK_EQUAL(changed([](Layout& l) { l.segments[1] = 2; }), "plan: a segment leaves the instructions");
}

RECURRA_TEST(nothing_at_all_is_a_plan) { CHECK_EQUAL(refusal<float>(Layout{}), ""); }

int main() { return checks::run_all(); }
