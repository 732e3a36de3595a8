// No view of a plan that is taken leaves its buffer, whatever the op makes of its numbers.
#include "tests/refusals.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

constexpr const char* kLeaves = "a view leaves its buffer";
constexpr std::int64_t kHuge = INT64_MAX;
const Numbers kTwelve = {1, 1, 1, 12}, kThirteen = {1, 1, 1, 13}, kFour = {1, 1, 1, 4};
const Numbers kMatrix = {1, 1, 3, 4};
const Numbers kX4 = lines(kX, 4), kWeight4 = lines(kWeight, 4), kGradient4 = lines(kGradient, 4);

// The outputs of ops over the last axis: one a line.
Numbers every(std::int64_t stride, std::int64_t buffer = kY) {
  return {buffer, 0, 0, 0, stride, 0};
}

}  // namespace

RECURRA_TEST(pointwise_ops_stay_in_their_buffers) {
  check_cases({
      {"", kOp_exp, kTwelve, along(kY), {along(kX)}},
      {kLeaves, kOp_exp, kThirteen, along(kY), {along(kX)}},
      {kLeaves, kOp_exp, kTwelve, along(kY, 1), {along(kX)}},
      {kLeaves, kOp_exp, kTwelve, along(kY), {along(kX, -1)}},
      {"", kOp_add, kTwelve, along(kY), {along(kX), one_number(kConstant)}},
      {kLeaves, kOp_add, kTwelve, along(kY), {along(kX), one_number(kConstant, 1)}},
      {kLeaves, kOp_add, kTwelve, along(kY), {along(kX), along(kConstant)}},
      {"cannot go through", kOp_exp, kFour, along(kY), {{kX, 0, 0, 0, 0, 2}}},
  });
}

RECURRA_TEST(the_last_stride_of_what_is_written_is_one_whatever_it_says) {
  check_cases({{kLeaves, kOp_exp, kThirteen, one_number(kY), {one_number(kX)}}});
}

RECURRA_TEST(copies_may_go_in_any_step) {
  check_cases({
      {"", kOp_copy, {1, 1, 1, 6}, along(kY), {{kX, 1, 0, 0, 0, 2}}},
      {kLeaves, kOp_copy, {1, 1, 1, 6}, along(kY), {{kX, 2, 0, 0, 0, 2}}},
      {"", kOp_copy, kTwelve, along(kY), {{kX, 11, 0, 0, 0, -1}}},
      {kLeaves, kOp_copy, kTwelve, along(kY), {{kX, 10, 0, 0, 0, -1}}},
      {kLeaves, kOp_copy, {2, 2, 2, 2}, {kY, 0, 8, 4, 2, 1}, {along(kX)}},
      {"", kOp_copy, {0, 9, 9, 9}, {kY, 0, 99, 9, 9, 1}, {along(kX)}},
  });
}

RECURRA_TEST(numbers_that_overflow_are_no_way_out) {
  check_cases({
      {kLeaves, kOp_exp, kMatrix, along(kY), {lines(kX, kHuge)}},
      {kLeaves, kOp_exp, {1, 1, 2, 4}, along(kY), {lines(kX, kHuge, kHuge)}},
      {kLeaves, kOp_exp, kMatrix, along(kY), {lines(kX, INT64_MIN)}},
      {"dimension is out of range", kOp_exp, {1, 1, 1, kHuge}, along(kY), {along(kX)}},
      {"dimension is out of range", kOp_exp, {1, 1, 1, -1}, along(kY), {along(kX)}},
      {"too large", kOp_exp, {1 << 20, 1 << 20, 1 << 20, 1}, along(kY), {along(kX)}},
      {"number is out of range", kOp_exp, kTwelve, along(kY + (1ll << 32)), {along(kX)}},
  });
}

RECURRA_TEST(ops_over_the_last_axis_stay_in_their_buffers) {
  check_cases({
      {"", kOp_sum, kMatrix, every(1), {kX4}},
      {kLeaves, kOp_sum, kMatrix, every(6), {kX4}},
      {kLeaves, kOp_mean, kMatrix, every(1), {lines(kX, 4, 1)}},
      {kLeaves, kOp_largest, kMatrix, every(1), {one_number(kX, 9)}},
      {"", kOp_sum, {1, 1, 3, 0}, every(1), {along(kX)}},
      {"no largest", kOp_largest, {1, 1, 3, 0}, every(1), {along(kX)}},
  });
}

RECURRA_TEST(norms_stay_in_their_buffers) {
  check_cases({
      {"", kOp_norm_scale, kMatrix, every(1), {kX4, every(1, kStep)}},
      {kLeaves, kOp_norm_scale, kMatrix, every(6), {kX4, every(1, kStep)}},
      {kLeaves, kOp_norm_scale, kMatrix, every(1), {lines(kX, 5), every(1, kStep)}},
      {kLeaves, kOp_norm_scale, kMatrix, every(1), {kX4, every(6, kStep)}},
      {"", kOp_standardize, kMatrix, lines(kY, 4), {kX4, every(1, kStep)}},
      {kLeaves, kOp_standardize, kMatrix, lines(kY, 5), {kX4, every(1, kStep)}},
      {kLeaves, kOp_standardize, kMatrix, lines(kY, 4), {kX4, every(6, kStep)}},
      {"", kOp_norm_slope, kMatrix, lines(kY, 4), {kX4, kX4, every(1, kStep)}},
      {kLeaves, kOp_norm_slope, kMatrix, lines(kY, 5), {kX4, kX4, every(1, kStep)}},
      {kLeaves, kOp_norm_slope, kMatrix, lines(kY, 4), {lines(kX, 5), kX4, every(1, kStep)}},
      {kLeaves, kOp_norm_slope, kMatrix, lines(kY, 4), {kX4, lines(kX, 5), every(1, kStep)}},
      {kLeaves, kOp_norm_slope, kMatrix, lines(kY, 4), {kX4, kX4, every(6, kStep)}},
  });
}

RECURRA_TEST(products_with_a_matrix_of_the_row_stay_in_their_buffers) {
  check_cases({
      {"", kOp_matvec, kMatrix, every(1), {kX4, along(kStep)}},
      {kLeaves, kOp_matvec, kMatrix, every(6), {kX4, along(kStep)}},
      {kLeaves, kOp_matvec, kMatrix, every(1), {lines(kX, 5), along(kStep)}},
      {kLeaves, kOp_matvec, kMatrix, every(1), {kX4, along(kStep, 9)}},
      {"", kOp_matvec_transposed, kMatrix, along(kY), {kX4, every(1, kStep)}},
      {kLeaves, kOp_matvec_transposed, kMatrix, along(kY, 9), {kX4, every(1, kStep)}},
      {kLeaves, kOp_matvec_transposed, kMatrix, along(kY), {lines(kX, 5), every(1, kStep)}},
      {kLeaves, kOp_matvec_transposed, kMatrix, along(kY), {kX4, every(6, kStep)}},
      {"more dimensions", kOp_matvec_transposed, {2, 1, 3, 4}, along(kY), {kX4, every(1, kStep)}},
  });
}

RECURRA_TEST(ops_of_an_index_stay_in_their_buffers) {
  check_cases({
      {"", kOp_one_hot, kTwelve, along(kY), {one_number(kX)}, 12},
      {kLeaves, kOp_one_hot, kTwelve, along(kY), {one_number(kX)}, 13},
      {kLeaves, kOp_one_hot, kTwelve, along(kY), {one_number(kX, 12)}, 12},
      {"places", kOp_one_hot, kTwelve, along(kY), {one_number(kX)}, -1},
      {"", kOp_gather, kFour, along(kY), {one_number(kX), kWeight4}, 3},
      {kLeaves, kOp_gather, kFour, along(kY), {one_number(kX), kWeight4}, 4},
      {kLeaves, kOp_gather, kFour, along(kY, 9), {one_number(kX), kWeight4}, 3},
      {"more dimensions", kOp_gather, {1, 1, 2, 4}, along(kY), {one_number(kX), kWeight4}, 3},
  });
}

RECURRA_TEST(an_index_takes_eight_bytes) {
  const Case last{"", kOp_one_hot, kTwelve, along(kY), {one_number(kX, 11)}, 12};
  CHECK_EQUAL(refusal<double>(looped(last, Work::rows)), "");
  CHECK_EQUAL(refusal<float>(looped(last, Work::rows)), "plan: a view leaves its buffer");
}

RECURRA_TEST(products_with_weights_stay_in_their_buffers_and_do_not_write_over_what_they_read) {
  check_cases({
      {"", kOp_product, kMatrix, along(kStep, 9), {along(kX, 8)}},
      {kLeaves, kOp_product, kMatrix, along(kStep, 9), {along(kX, 9)}},
      {kLeaves, kOp_product, kMatrix, along(kStep, 10), {along(kX, 8)}},
      {kLeaves, kOp_product, kMatrix, along(kStep), {along(kX), along(kWeight, 10)}},
      {"no matrix", kOp_product, kMatrix, along(kStep), {along(kX)}, 1},
      {"no matrix", kOp_product, kMatrix, along(kStep), {along(kX)}, -1},
      {"another size", kOp_product, {1, 1, 2, 4}, along(kStep), {along(kX)}},
      {"another size", kOp_product, {1, 1, 3, 5}, along(kStep), {along(kX)}},
      {"", kOp_product, kMatrix, along(kStep), {along(kStep, 3), along(kStep)}},
      {"what it multiplies", kOp_product, kMatrix, along(kStep), {along(kStep, 2)}},
      {"what it is added onto", kOp_product, kMatrix, along(kStep), {along(kX), along(kStep, 1)}},
  });
}

RECURRA_TEST(sums_onto_weights_stay_in_their_buffers) {
  check_cases({
      {"", kOp_outer, kMatrix, kGradient4, {along(kX), along(kChunk)}},
      {kLeaves, kOp_outer, kMatrix, lines(kGradient, 5), {along(kX), along(kChunk)}},
      {kLeaves, kOp_outer, kMatrix, kGradient4, {along(kX, 10), along(kChunk)}},
      {kLeaves, kOp_outer, kMatrix, kGradient4, {along(kX), along(kChunk, 9)}},
      {"over each other", kOp_outer, kMatrix, lines(kGradient, 3), {along(kX), along(kChunk)}},
      {"", kOp_column_sum, kMatrix, {kGradient, 0, 0, 0, 1, 3}, {kX4}},
      {kLeaves, kOp_column_sum, kMatrix, {kGradient, 0, 0, 0, 1, 4}, {kX4}},
      {"", kOp_column_sum, kMatrix, {kGradient, 0, 0, 0, 1, 3}, {kX4, kX4}},
      {kLeaves, kOp_column_sum, kMatrix, {kGradient, 0, 0, 0, 1, 3}, {kX4, lines(kX, 5)}},
      {kLeaves, kOp_column_sum, kThirteen, one_number(kGradient), {along(kX)}},
      {"", kOp_scatter, kFour, kGradient4, {one_number(kX), along(kChunk)}, 3},
      {kLeaves, kOp_scatter, kFour, kGradient4, {one_number(kX), along(kChunk)}, 4},
      {kLeaves, kOp_scatter, kFour, kGradient4, {one_number(kX), along(kChunk, 9)}, 3},
  });
}

int main() { return checks::run_all(); }
