#include "plan/check.h"

#include <array>
#include <cstdlib>
#include <set>
#include <utility>

namespace recurra {
namespace {

// Elements of one value, and places that an instruction visits. Sizes of memory come of it by factors
// far below what is left of 64 bits.
constexpr std::int64_t kMost = std::int64_t{1} << 30;

using Dims = std::array<std::int64_t, kDims>;

// The first element that a view of these dims touches, and the last; none where a dimension is 0.
struct Reach {
  std::int64_t first, last;
  bool none;
  bool meets(const Reach& other) const {
    return !none && !other.none && first <= other.last && other.first <= last;
  }
};

Reach reach(const Operand& operand, const Dims& dims) {
  Reach found{operand.offset, operand.offset, false};
  for (int d = 0; d < kDims; ++d) {
    std::int64_t way = 0;
    if (dims[d] == 0) return {0, 0, true};
    std::int64_t& end = operand.strides[d] < 0 ? found.first : found.last;
    demand(!__builtin_mul_overflow(dims[d] - 1, operand.strides[d], &way) &&
               !__builtin_add_overflow(end, way, &end),
           "a view leaves its buffer");
  }
  return found;
}

// The operand as a kernel sees it that goes from element to element, whatever its last stride says.
Operand together(Operand operand) {
  operand.strides[kDims - 1] = 1;
  return operand;
}

Operand vector(Operand operand) {
  for (std::int64_t& stride : operand.strides) stride = 0;
  return together(operand);
}

// Checks of single instructions and what they name.
class Checks {
 public:
  Checks(const std::vector<Buffer>& buffers, const std::vector<Matrix>& matrices,
         std::size_t element_size)
      : buffers_(buffers),
        matrices_(matrices),
        index_size_(static_cast<std::int64_t>(sizeof(std::int64_t) / element_size)) {}

  void buffers(std::size_t constants) const {
    std::set<std::pair<Space, std::int32_t>> seen;
    for (const Buffer& each : buffers_) {
      demand(each.space >= Space::x && each.space <= Space::tile, "a buffer's space is unknown");
      demand(each.size >= 0 && each.size <= kMost, "a buffer's size is out of range");
      demand(each.index >= 0 && each.index < static_cast<std::int32_t>(buffers_.size()),
             "a buffer's index is out of range");
      demand(seen.emplace(each.space, each.index).second, "two buffers are the same");
      demand(each.space != Space::constant || static_cast<std::size_t>(each.size) <= constants,
             "constants are missing");
    }
  }

  void matrix(const Matrix& each) const {
    const Space space = space_of(each.buffer, "a matrix has no buffer");
    demand(space == Space::weight || space == Space::constant, "a matrix is no weight");
    demand(each.n >= 0 && each.k >= 0 && std::int64_t{each.n} * each.k <= kMost,
           "a matrix's size is out of range");
    Operand view;
    view.buffer = each.buffer;
    view.offset = each.offset;
    view.strides[2] = each.row_stride;
    view.strides[3] = each.column_stride;
    inside(view, {1, 1, each.n, each.k});
  }

  void instruction(const Instruction& each) const {
    demand(each.op >= 0 && each.op < kOps, "an op is unknown");
    std::int64_t places = 1;
    for (const std::int64_t size : each.dims) {
      demand(size >= 0 && size <= kMost, "a dimension is out of range");
      places *= size > 1 ? size : 1;
      demand(places <= kMost, "an instruction is too large");
    }
    const int wanted = inputs_of(each.op);
    const bool takes_more = each.op == kOp_product || each.op == kOp_column_sum;
    demand(each.inputs == wanted || (takes_more && each.inputs == 2),
           "an op has another number of inputs");
    (void)space_of(each.out.buffer, "an output has no buffer");
    for (int k = 0; k < each.inputs; ++k)
      (void)space_of(each.in[k].buffer, "an input has no buffer");
    if (each.op < kOp_sum) return pointwise(each);
    if (each.op >= kOp_norm_scale && each.op <= kOp_norm_slope) return norm(each);
    if (each.op <= kOp_matvec) return lines(each);
    if (each.op == kOp_column_sum) return column_sum(each);
    demand(each.dims[0] == 1 && each.dims[1] == 1,
           "an op has more dimensions than it goes through");
    if (each.op == kOp_matvec_transposed) return matvec_transposed(each);
    if (each.op == kOp_product) return product(each);
    if (each.op == kOp_outer) return outer(each);
    of_an_index(each);
  }

  Space space_of(std::int32_t buffer, const char* what) const {
    demand(buffer >= 0 && buffer < static_cast<std::int32_t>(buffers_.size()), what);
    return buffers_[static_cast<std::size_t>(buffer)].space;
  }

 private:
  Reach inside(const Operand& operand, const Dims& dims) const {
    const Reach found = reach(operand, dims);
    const std::int64_t size = buffers_[static_cast<std::size_t>(operand.buffer)].size;
    demand(found.none || (found.first >= 0 && found.last < size), "a view leaves its buffer");
    return found;
  }

  void pointwise(const Instruction& each) const {
    const Dims dims = dims_of(each);
    inside(together(each.out), dims);
    for (int k = 0; k < each.inputs; ++k) {
      const std::int64_t step = each.in[k].strides[kDims - 1];
      demand(step == 0 || step == 1 || dims[3] <= 1 || each.op == kOp_copy,
             "an op cannot go through its input");
      inside(each.in[k], dims);
    }
  }

  void lines(const Instruction& each) const {
    demand(each.op != kOp_largest || each.dims[3] > 0, "nothing has no largest");
    inside(each.out, {each.dims[0], each.dims[1], each.dims[2], 1});
    for (int k = 0; k < each.inputs; ++k) inside(together(each.in[k]), dims_of(each));
  }

  // Whole lines first, and then one number for each of them.
  void norm(const Instruction& each) const {
    const Dims ones = {each.dims[0], each.dims[1], each.dims[2], 1};
    if (each.op == kOp_norm_scale) {
      inside(each.out, ones);
    } else {
      inside(together(each.out), dims_of(each));
    }
    for (int k = 0; k + 1 < each.inputs; ++k) inside(together(each.in[k]), dims_of(each));
    inside(each.in[each.inputs - 1], ones);
  }

  void matvec_transposed(const Instruction& each) const {
    inside(vector(each.out), {1, 1, 1, each.dims[3]});
    inside(together(each.in[0]), dims_of(each));
    inside(each.in[1], {1, 1, each.dims[2], 1});
  }

  void product(const Instruction& each) const {
    demand(each.extra >= 0 && each.extra < static_cast<std::int64_t>(matrices_.size()),
           "a product has no matrix");
    const Matrix& matrix = matrices_[static_cast<std::size_t>(each.extra)];
    demand(each.dims[2] == matrix.n && each.dims[3] == matrix.k,
           "a product has another size than its matrix");
    const Operand &a = each.in[0], &onto = each.in[1], &out = each.out;
    const Dims outputs = {1, 1, 1, matrix.n};
    const Reach written = inside(vector(out), outputs);
    const Reach read = inside(vector(a), {1, 1, 1, matrix.k});
    demand(out.buffer != a.buffer || !written.meets(read),
           "a product writes over what it multiplies");
    if (each.inputs < 2) return;
    const Reach begun = inside(vector(onto), outputs);
    demand(out.buffer != onto.buffer || out.offset == onto.offset || !written.meets(begun),
           "a product writes over what it is added onto");
  }

  void outer(const Instruction& each) const {
    const std::int64_t n = each.dims[2], k = each.dims[3];
    demand(n <= 1 || std::llabs(each.out.strides[2]) >= k, "lines of a sum lie over each other");
    inside(together(each.out), dims_of(each));
    inside(vector(each.in[0]), {1, 1, 1, n});
    inside(vector(each.in[1]), {1, 1, 1, k});
  }

  void column_sum(const Instruction& each) const {
    inside(each.out, dims_of(each));
    for (int k = 0; k < each.inputs; ++k) inside(each.in[k], dims_of(each));
  }

  void of_an_index(const Instruction& each) const {
    demand(each.dims[2] == 1, "an op has more dimensions than it goes through");
    demand(each.extra >= 0 && each.extra <= kMost, "a number of places is out of range");
    const Dims line = {1, 1, 1, each.dims[3]}, lines = {1, 1, each.extra, each.dims[3]};
    inside(vector(each.in[0]), {1, 1, 1, index_size_});
    if (each.op == kOp_one_hot) {
      inside(vector(each.out), {1, 1, 1, each.extra});
    } else if (each.op == kOp_gather) {
      inside(vector(each.out), line);
      inside(each.in[1], lines);
    } else {
      inside(each.out, lines);
      inside(each.in[1], line);
    }
  }

  static Dims dims_of(const Instruction& each) {
    return {each.dims[0], each.dims[1], each.dims[2], each.dims[3]};
  }

  const std::vector<Buffer>& buffers_;
  const std::vector<Matrix>& matrices_;
  const std::int64_t index_size_;  // elements in the bytes of an index
};

// --- what runs where -------------------------------------------------------------------------------

bool belongs(std::int32_t op, Work work) {
  if (work == Work::product) return op == kOp_product;
  if (work == Work::rows) return op < kRowOps;
  return op == kOp_outer || op == kOp_column_sum || op == kOp_scatter;
}

// Whether there is memory for a space when such work runs: for all times, or for one.
bool readable(Space space, Work work, bool loop) {
  if (space == Space::weight_grad) return false;
  if (space == Space::tile) return work == Work::rows;
  if (space == Space::state || space == Space::step) return loop;
  return work != Work::weights || space == Space::x || space == Space::y || space == Space::chunk;
}

bool writable(Space space, Work work, bool loop) {
  if (work == Work::weights) return space == Space::weight_grad;
  if (space == Space::x || space == Space::weight || space == Space::constant) return false;
  return readable(space, work, loop);
}

template <class T>
void check_segment(const Plan<T>& plan, const Checks& checks, const Segment& segment, bool loop) {
  demand(segment.work >= Work::product && segment.work <= Work::weights,
         "a segment's work is unknown");
  demand(segment.first >= 0 && segment.first <= segment.last &&
             segment.last <= static_cast<std::int32_t>(plan.instructions.size()),
         "a segment leaves the instructions");
  for (std::int32_t i = segment.first; i < segment.last; ++i) {
    const Instruction& each = plan.instructions[static_cast<std::size_t>(i)];
    demand(belongs(each.op, segment.work), "an instruction is in the wrong kind of segment");
    demand(writable(checks.space_of(each.out.buffer, ""), segment.work, loop),
           "an instruction writes what is not there to be written");
    for (int k = 0; k < each.inputs; ++k) {
      demand(readable(checks.space_of(each.in[k].buffer, ""), segment.work, loop),
             "an instruction reads what is not there to be read");
    }
  }
}

}  // namespace

template <class T>
void check_plan(const Plan<T>& plan) {
  const Checks checks(plan.buffers, plan.matrices, sizeof(T));
  checks.buffers(plan.constants.size());
  for (const Matrix& each : plan.matrices) checks.matrix(each);
  for (const Instruction& each : plan.instructions) checks.instruction(each);
  for (const Segment& each : plan.weight_segments) check_segment(plan, checks, each, false);
  for (const Stage& stage : plan.stages) {
    for (const Segment& each : stage.segments) check_segment(plan, checks, each, stage.loop);
  }
}

template void check_plan<float>(const Plan<float>&);
template void check_plan<double>(const Plan<double>&);

}  // namespace recurra
