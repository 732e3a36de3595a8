// Ops on every element by itself: each element of any view, in any vector or rest of one, gets the bits
// it would get alone, on every instruction set.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/check.h"
#include "tests/run_kernel.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

struct Named {
  Op op;
  const char* name;
};

const Named kOps[] = {
#define RECURRA_NAMED(name) {kOp_##name, #name},
    RECURRA_ROW_OPS(RECURRA_NAMED)
#undef RECURRA_NAMED
};

bool is_truth(Op op, int input) {
  return op == kOp_not_ || op == kOp_and_ || (op == kOp_where && input == 0);
}

template <class T>
T truth(bool holds) {
  T made;
  std::memset(&made, holds ? 0xff : 0, sizeof made);
  return made;
}

template <class T>
bool holds(T value) {
  return !same_bytes(value, T(0));
}

// The op in plain C++; what has no such form is what one element alone gives on the baseline.
template <class T>
T plainly(Op op, const T* in) {
  const T x = in[0], y = in[1], z = in[2];
  switch (op) {
    case kOp_copy:
      return x;
    case kOp_neg:
      return -x;
    case kOp_relu:
      return x < 0 ? T(0) : x;
    case kOp_sqrt:
      return std::sqrt(x);
    case kOp_abs:
      return std::fabs(x);
    case kOp_sign:
      return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
    case kOp_add:
      return x + y;
    case kOp_sub:
      return x - y;
    case kOp_mul:
      return x * y;
    case kOp_div:
      return x / y;
    case kOp_max:
      return x >= y || x != x ? x : y;
    case kOp_min:
      return x <= y || x != x ? x : y;
    case kOp_less:
      return truth<T>(x < y);
    case kOp_less_equal:
      return truth<T>(x <= y);
    case kOp_equal:
      return truth<T>(x == y);
    case kOp_not_:
      return truth<T>(!holds(x));
    case kOp_and_:
      return truth<T>(holds(x) && holds(y));
    case kOp_sigmoid_slope:
      return x * std::fma(-y, y, y);
    case kOp_tanh_slope:
      return x * std::fma(-y, y, T(1));
    case kOp_where:
      return holds(x) ? y : z;
    case kOp_fma:
      return std::fma(x, y, z);
    case kOp_fms:
      return std::fma(x, y, -z);
    case kOp_fnma:
      return std::fma(-x, y, z);
    default:
      break;
  }
  Instruction alone;
  alone.op = op;
  alone.out = operand(0, 0, {0, 0, 0, 1});
  T out = 0, given[kMostInputs] = {x, y, z};
  Rows<T> buffers[1 + kMostInputs] = {{&out, 1, nullptr, 0}};
  for (int k = 0; k < kMostInputs; ++k) {
    alone.in[k] = operand(1 + k, 0, {0, 0, 0, 1});
    buffers[1 + k].base = &given[k];
  }
  kernels<T>(Isa::baseline).row_kernels[op](alone, Frame<T>{buffers, 0, 1, false});
  return out;
}

template <class T>
T drawn(Random& random) {
  using Limits = std::numeric_limits<T>;
  const T special[] = {T(0),
                       T(-0.0),
                       T(1),
                       T(-1),
                       Limits::infinity(),
                       -Limits::infinity(),
                       Limits::quiet_NaN(),
                       Limits::denorm_min(),
                       -Limits::denorm_min(),
                       Limits::max(),
                       T(80),
                       T(-700)};
  const double one = random();
  if (one < -0.7) return special[static_cast<int>((random() + 1) * 5.999)];
  return static_cast<T>(one < 0 ? random() : random() * 6);
}

// How an instruction goes through its operands.
struct Way {
  const char* name;
  std::int64_t dims[kDims];
  Strides out;
  Strides in[kMostInputs];
  std::int64_t offset = 0;                               // of all operands
  std::vector<Lie> lies = {Lie::apart, Lie::scattered};  // the rows of operands, in turns
  bool shared = false;                                   // the inputs are one row for all

  bool flat() const { return lies[0] == Lie::together; }
};

std::vector<Way> ways() {
  std::vector<Way> found;
  for (const std::int64_t n : {0, 1, 2, 3, 4, 5, 7, 8, 9, 14, 15, 16, 17, 31, 33, 50, 64, 87}) {
    const Strides one = {0, 0, 0, 1}, none = {0, 0, 0, 0};
    found.push_back({"flat", {1, 1, 1, n}, one, {one, one, one}, 0, {Lie::together}});
    found.push_back({"rows", {1, 1, 1, n}, one, {one, one, one}, 2});
    found.push_back({"even rows", {1, 1, 1, n}, one, {one, one, one}, 2, {Lie::apart}});
    found.push_back({"one row for all", {1, 1, 1, n}, one, {one, one, one}, 0, {Lie::apart}, true});
    found.push_back({"first is one number", {1, 1, 1, n}, one, {none, one, one}, 1});
    found.push_back({"second is one number", {1, 1, 1, n}, one, {one, none, one}, 1});
    found.push_back({"third is one number", {1, 1, 1, n}, one, {one, one, none}, 1});
    found.push_back({"all are one number for all rows",
                     {1, 1, 1, n},
                     one,
                     {none, none, none},
                     0,
                     {Lie::apart},
                     true});
    found.push_back({"three dims",
                     {1, 2, 3, n},
                     {0, 3 * n + 5, n, 1},
                     {{0, 0, n, 1}, {0, n, 0, 1}, {0, 1, 2, 0}},
                     1});
    found.push_back({"four dims",
                     {2, 1, 3, n},
                     {3 * n, 0, n, 1},
                     {{1, 0, n + 2, 1}, {0, 0, 0, 0}, {3, 0, 0, 1}}});
  }
  return found;
}

template <class T>
std::int64_t size_of(const Way& way, const Strides& strides) {
  std::int64_t last = way.offset;
  for (int d = 0; d < kDims; ++d) {
    if (way.dims[d] == 0) return 0;
    last += (way.dims[d] - 1) * strides[static_cast<std::size_t>(d)];
  }
  return last + 1;
}

// `runs` is the op that runs, where it is not the one it is held to.
template <class T>
std::string problem(const Named& named, const Way& way, Isa isa, bool in_place, int runs = -1) {
  const int inputs = inputs_of(named.op);
  std::vector<std::int64_t> sizes = {size_of<T>(way, way.out)};
  for (int k = 0; k < inputs; ++k) sizes.push_back(size_of<T>(way, way.in[k]));
  Bench<T> bench(5, sizes, way.lies, way.shared);
  Instruction instruction;
  instruction.op = runs < 0 ? named.op : runs;
  instruction.inputs = inputs;
  std::copy_n(way.dims, kDims, instruction.dims);
  instruction.out = operand(0, way.offset, way.out);
  for (int k = 0; k < inputs; ++k) {
    for (T& each : bench.buffer(1 + k).memory) {
      each = is_truth(named.op, k) ? truth<T>(bench.random() < 0) : drawn<T>(bench.random);
    }
    instruction.in[k] = operand(1 + k, way.offset, way.in[k]);
  }
  if (in_place) {
    instruction.in[0].buffer = 0;
    std::copy(bench.buffer(1).memory.begin(), bench.buffer(1).memory.end(),
              bench.out().memory.begin());
  }
  std::vector<T> wanted = bench.out().memory;
  for (int r = 0; r < bench.count; ++r) {
    for_each_place(way.dims, [&](const std::int64_t* at) {
      T in[kMostInputs] = {};
      for (int k = 0; k < inputs; ++k) in[k] = bench.read(instruction.in[k], r, at);
      wanted[bench.out().place(Bench<T>::kFirst + r, place_of(instruction.out, at))] =
          plainly(named.op, in);
    });
  }
  bench.run(isa, instruction, way.flat());
  const bool bytes = (named.op >= kOp_less && named.op <= kOp_and_);
  const std::string found =
      difference(bench.out().memory, wanted, bytes ? same_bytes<T> : same_bits<T>);
  if (found.empty()) return found;
  std::ostringstream text;
  text << named.name << " of " << way.dims[3] << ", " << way.name << ", isa "
       << static_cast<int>(isa) << ", " << sizeof(T) << " bytes: " << found;
  return text.str();
}

template <class T>
std::string first_problem() {
  for (const Isa isa : isas()) {
    for (const Named& named : kOps) {
      if (named.op >= kOp_sum) break;
      for (const Way& way : ways()) {
        const bool alike = way.out == way.in[0] && !way.shared;
        for (const bool in_place : {false, true}) {
          if (in_place && !alike) continue;
          const std::string found = problem<T>(named, way, isa, in_place);
          if (!found.empty()) return found;
        }
      }
    }
  }
  return {};
}

}  // namespace

RECURRA_TEST(every_float_gets_the_bits_it_would_get_alone) {
  CHECK_EQUAL(first_problem<float>(), "");
}

RECURRA_TEST(every_double_gets_the_bits_it_would_get_alone) {
  CHECK_EQUAL(first_problem<double>(), "");
}

RECURRA_TEST(another_op_would_be_noticed) {
  const Way way{"rows", {1, 1, 1, 3}, {0, 0, 0, 1}, {{0, 0, 0, 1}, {0, 0, 0, 1}, {0, 0, 0, 1}}};
  CHECK(problem<float>({kOp_add, "add"}, way, Isa::baseline, false, kOp_add).empty());
  CHECK(!problem<float>({kOp_add, "add"}, way, Isa::baseline, false, kOp_sub).empty());
  CHECK(!problem<float>({kOp_fma, "fma"}, way, Isa::baseline, false, kOp_fms).empty());
}

int main() { return checks::run_all(); }
