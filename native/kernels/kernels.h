// What one instruction set offers the executor: a table of functions for each element type.
//
// Strides and offsets count elements. A row is one sequence of the batch; kernels never mix rows.
#pragma once

#include <cstddef>
#include <cstdint>

#define RECURRA_ALWAYS_INLINE inline __attribute__((always_inline))

namespace recurra {

// Where the rows of a value lie: evenly spaced, or each by itself.
template <class T>
struct Rows {
  T* base = nullptr;
  std::ptrdiff_t stride = 0;
  T* const* table = nullptr;  // of each row, where they are not evenly spaced
  std::ptrdiff_t shift = 0;   // added to every entry of the table

  // Always inlined: no instruction set may lend another its copy.
  RECURRA_ALWAYS_INLINE T* operator[](std::ptrdiff_t row) const {
    return table ? table[row] + shift : base + row * stride;
  }
  RECURRA_ALWAYS_INLINE Rows from(std::ptrdiff_t row) const {
    return table ? Rows{nullptr, 0, table + row, shift}
                 : Rows{base + row * stride, stride, nullptr, 0};
  }
  RECURRA_ALWAYS_INLINE Rows plus(std::ptrdiff_t offset) const {
    return table ? Rows{nullptr, 0, table, shift + offset}
                 : Rows{base + offset, stride, nullptr, 0};
  }
  RECURRA_ALWAYS_INLINE bool none() const { return !base && !table; }
};

// A packed matrix of k columns.
template <class T>
struct Factor {
  const T* packed;
  int k;
};

// The rows of one product: out[r] = onto[r] + W a[0][r], and then + V a[1][r] where there are two
// matrices. Without a base, `onto` is zero.
constexpr int kMostFactors = 2;
template <class T>
struct ProductRows {
  int rows;
  Rows<T> a[kMostFactors];
  Rows<T> onto;
  Rows<T> out;
};

// The rows of one sum of outer products: C += sum over r of a[r] b[r]^T.
template <class T>
struct OuterRows {
  int rows;
  Rows<T> a;
  Rows<T> b;
};

constexpr int kDims = 4;
constexpr int kMostInputs = 3;

// A view of a value: a buffer, and the way from element to element.
struct Operand {
  std::int32_t buffer = -1;
  std::int64_t offset = 0;
  std::int64_t strides[kDims] = {0, 0, 0, 0};  // the last is 0 or 1, except where a kernel says so
};

struct Instruction {
  std::int32_t op = 0;
  std::int32_t inputs = 0;
  std::int64_t dims[kDims] = {1, 1, 1, 1};  // of one row
  Operand out;
  Operand in[kMostInputs];
  std::int64_t extra = 0;  // the matrix of a product, the size of a one-hot, a norm's centring
};

// The buffers as a group of rows sees them at one time.
template <class T>
struct Frame {
  const Rows<T>* buffers;
  int first;  // the group's first row in the buffers
  int rows;
  bool flat;  // rows and dims are one run of elements for every operand of the instruction
};

template <class T>
using RowKernel = void (*)(const Instruction&, const Frame<T>&);

template <class T>
struct Kernels {
  // Numbers in a packed matrix of n rows and k columns.
  std::size_t (*packed_size)(int n, int k);
  // w(i, j) = w[i * row_stride + j * column_stride] in the order that `product` reads, or
  // `product_of_one_row`.
  void (*pack)(const T* w, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride, int n, int k,
               bool for_one_row, T* packed);
  // Every output is the sum of fused multiply-adds that start at `onto`: in ascending k of one or two
  // matrices of n rows, the first one before the second.
  void (*product)(const Factor<T>* factors, int count_of_factors, int n, const ProductRows<T>* runs,
                  int count);
  // The same of one matrix, to the bit, for one row, whose numbers lie together; `onto` may be null for
  // zero. Packed numbers at `then` are read next: they are fetched.
  void (*product_of_one_row)(const T* packed, int n, int k, const T* a, const T* onto, T* out,
                             const T* then);
  // Outputs that it makes at a time: a product may be cut at multiples of it.
  int wide_panel;
  // C[first:last, :k] += sum of outer products, rows in ascending order, in blocks that do not
  // depend on first and last. `scratch` holds outer_scratch(k) numbers.
  std::size_t (*outer_scratch)(int k);
  void (*outer)(const OuterRows<T>* runs, int count, int first, int last, int k, T* c,
                std::ptrdiff_t c_stride, T* scratch);
  const RowKernel<T>* row_kernels;  // by op
  // to[i] += from[r][i] for each r in ascending order, i < n.
  void (*add_rows)(T* to, const Rows<T>& from, int rows, std::int64_t n);
  // The same of a[r][i] b[r][i], rounded by itself.
  void (*add_products)(T* to, const Rows<T>& a, const Rows<T>& b, int rows, std::int64_t n);
};

// The ops a row kernel computes, by name; an op's number is its place here.
#define RECURRA_ROW_OPS(X)                                                                        \
  X(copy) X(neg) X(exp) X(log) X(tanh) X(sigmoid) X(softplus) X(silu) X(gelu) X(erf) X(relu) \
  X(sqrt) X(rsqrt) X(abs) X(sin) X(cos) X(sign) X(add) X(sub) X(mul) X(div) X(pow) X(max) \
  X(min) X(less) X(less_equal) X(equal) X(not_) X(and_) X(sigmoid_slope) X(tanh_slope) \
  X(where) X(fma) X(fms) X(fnma) X(sum) X(mean) X(largest) X(norm_scale) X(standardize) \
  X(norm_slope) X(matvec) X(matvec_transposed) X(one_hot) X(gather)

enum Op : std::int32_t {
#define RECURRA_NAME(name) kOp_##name,
  RECURRA_ROW_OPS(RECURRA_NAME)
#undef RECURRA_NAME
      kRowOps,
  // What the executor hands to the other kernels.
  kOp_product = kRowOps,
  kOp_outer,
  kOp_column_sum,
  kOp_scatter,
  kOps,
};

// How many values an op reads. A product may read one more, which it is added onto, and a column sum
// one more, which it multiplies by.
RECURRA_ALWAYS_INLINE constexpr int inputs_of(std::int32_t op) {
  if ((op >= kOp_where && op <= kOp_fnma) || op == kOp_norm_slope) return 3;
  if ((op >= kOp_add && op <= kOp_equal) || (op >= kOp_and_ && op <= kOp_tanh_slope)) return 2;
  if (op == kOp_norm_scale || op == kOp_standardize) return 2;
  if (op == kOp_matvec || op == kOp_matvec_transposed || op == kOp_gather) return 2;
  return op == kOp_outer || op == kOp_scatter ? 2 : 1;
}

enum class Isa { baseline, avx2, avx512 };

bool supported(Isa isa);
// The best the processor has, or what the environment variable RECURRA_ISA names.
Isa chosen_isa();
template <class T>
const Kernels<T>& kernels(Isa isa);

}  // namespace recurra
