// Ops that treat every element by itself.
//
// One body serves every op: rows, then outer dimensions, then a run of elements with whole vectors
// and one part of a vector at the end, which is computed by the same operations. Truth values are
// kept as lanes of all ones or all zeros in the type of the elements.
#pragma once

#include "kernels/kernels.h"
#include "kernels/math.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

template <class T>
RECURRA_INLINE Ints<T> truth(Vec<T> v) {
  return bits(v);
}

// What an op does to vectors.
#define RECURRA_UNARY(name, expression)                                \
  struct Op_##name {                                                   \
    static constexpr int kInputs = 1;                                  \
    template <class T>                                                 \
    RECURRA_INLINE Vec<T> apply(const Vec<T>* in) {                    \
      const Vec<T> x = in[0];                                          \
      return expression;                                               \
    }                                                                  \
  };
#define RECURRA_BINARY(name, expression)                               \
  struct Op_##name {                                                   \
    static constexpr int kInputs = 2;                                  \
    template <class T>                                                 \
    RECURRA_INLINE Vec<T> apply(const Vec<T>* in) {                    \
      const Vec<T> x = in[0], y = in[1];                               \
      return expression;                                               \
    }                                                                  \
  };
#define RECURRA_TERNARY(name, expression)                              \
  struct Op_##name {                                                   \
    static constexpr int kInputs = 3;                                  \
    template <class T>                                                 \
    RECURRA_INLINE Vec<T> apply(const Vec<T>* in) {                    \
      const Vec<T> x = in[0], y = in[1], z = in[2];                    \
      return expression;                                               \
    }                                                                  \
  };

RECURRA_UNARY(copy, x)
RECURRA_UNARY(neg, -x)
RECURRA_UNARY(exp, exp<T>(x))
RECURRA_UNARY(log, log<T>(x))
RECURRA_UNARY(tanh, tanh<T>(x))
RECURRA_UNARY(sigmoid, sigmoid<T>(x))
RECURRA_UNARY(softplus, softplus<T>(x))
RECURRA_UNARY(silu, silu<T>(x))
RECURRA_UNARY(gelu, gelu<T>(x))
RECURRA_UNARY(erf, erf<T>(x))
RECURRA_UNARY(relu, relu<T>(x))
RECURRA_UNARY(sqrt, square_root(x))
RECURRA_UNARY(rsqrt, rsqrt<T>(x))
RECURRA_UNARY(abs, as_float(bits(x) & ~bits(splat<T>(T(-0.0)))))
RECURRA_UNARY(sin, sin<T>(x))
RECURRA_UNARY(cos, cos<T>(x))
RECURRA_UNARY(sign, sign<T>(x))
RECURRA_UNARY(not_, as_float(~truth<T>(x)))
RECURRA_BINARY(add, x + y)
RECURRA_BINARY(sub, x - y)
RECURRA_BINARY(mul, x* y)
RECURRA_BINARY(div, x / y)
RECURRA_BINARY(pow, pow<T>(x, y))
RECURRA_BINARY(max, maximum<T>(x, y))
RECURRA_BINARY(min, minimum<T>(x, y))
RECURRA_BINARY(less, as_float(Ints<T>(x < y)))
RECURRA_BINARY(less_equal, as_float(Ints<T>(x <= y)))
RECURRA_BINARY(equal, as_float(Ints<T>(x == y)))
RECURRA_BINARY(and_, as_float(truth<T>(x) & truth<T>(y)))
// What comes back through y = sigmoid(.) and y = tanh(.) of a gradient x.
RECURRA_BINARY(sigmoid_slope, x* fma(-y, y, y))
RECURRA_BINARY(tanh_slope, x* fma(-y, y, splat<T>(T(1))))
RECURRA_TERNARY(where, as_float((truth<T>(x) & bits(y)) | (~truth<T>(x) & bits(z))))
RECURRA_TERNARY(fma, fma(x, y, z))
RECURRA_TERNARY(fms, fma(x, y, -z))
RECURRA_TERNARY(fnma, fma(-x, y, z))

#undef RECURRA_UNARY
#undef RECURRA_BINARY
#undef RECURRA_TERNARY

// As many vectors are computed side by side, so that none waits for the steps of another. Not where an
// input is one number: then an op has two inputs or more, and few steps.
constexpr int kAbreast = 4;

// A run of elements, where every input goes along or, with kFixed, goes by its own step of 0 or 1.
template <class Op, class T, bool kFixed>
RECURRA_INLINE void elements(T* out, const T* const* in, const std::int64_t* steps,
                             std::int64_t n) {
  constexpr int kIn = Op::kInputs;
  const auto from = [&](int k, std::int64_t i) { return in[k] + (kFixed ? i * steps[k] : i); };
  std::int64_t i = 0;
  for (; !kFixed && i + kAbreast * kLanes<T> <= n; i += kAbreast * kLanes<T>) {
    Vec<T> v[kAbreast][kIn];
#pragma GCC unroll 4
    for (int a = 0; a < kAbreast; ++a) {
      for (int k = 0; k < kIn; ++k) v[a][k] = load(from(k, i + a * kLanes<T>));
    }
    Vec<T> y[kAbreast];
#pragma GCC unroll 4
    for (int a = 0; a < kAbreast; ++a) y[a] = Op::template apply<T>(v[a]);
#pragma GCC unroll 4
    for (int a = 0; a < kAbreast; ++a) store(out + i + a * kLanes<T>, y[a]);
  }
  Vec<T> v[kIn];
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    for (int k = 0; k < kIn; ++k) v[k] = load(from(k, i));
    store(out + i, Op::template apply<T>(v));
  }
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    for (int k = 0; k < kIn; ++k) v[k] = load_some(from(k, i), rest);
    store_some(out + i, Op::template apply<T>(v), rest);
  }
}

// A run of elements; an input with step 0 is one number for all of them. Never inlined: it is much code for
// every op, and where speed counts most, `pointwise` goes through the elements by itself.
template <class Op, class T>
__attribute__((noinline)) void along(T* out, const T* const* in, const std::int64_t* steps,
                                     std::int64_t n) {
  if (n == 0) return;  // and read nothing: even the one number of an input may not be there
  constexpr int kIn = Op::kInputs;
  bool fixed = false;
  for (int k = 0; k < kIn; ++k) fixed |= steps[k] == 0;
  if (!fixed) {
    elements<Op, T, false>(out, in, steps, n);
    return;
  }
  const T* at[kIn];
  alignas(kBytes) T fill[kIn][kLanes<T>];
  for (int k = 0; k < kIn; ++k) {
    at[k] = in[k];
    if (steps[k] == 0) {
      store(fill[k], splat<T>(*in[k]));
      at[k] = fill[k];
    }
  }
  elements<Op, T, true>(out, at, steps, n);
}

// The same for rows that are evenly spaced, one run of n elements each. Apart from the rest, so that what
// it needs at each row stays in registers.
template <class Op, class T>
__attribute__((noinline)) void along_rows(const Rows<T>& out, const Rows<T>* in, int rows,
                                          std::int64_t n) {
  constexpr int kIn = Op::kInputs;
  T* to = out.base;
  const T* from[kIn];
  for (int k = 0; k < kIn; ++k) from[k] = in[k].base;
  for (int row = 0; row < rows; ++row) {
    elements<Op, T, false>(to, from, nullptr, n);
    to += out.stride;
    for (int k = 0; k < kIn; ++k) from[k] += in[k].stride;
  }
}

template <class Op, class T>
void pointwise(const Instruction& instruction, const Frame<T>& frame) {
  constexpr int kIn = Op::kInputs;
  const std::int64_t* dims = instruction.dims;
  const std::int64_t n = dims[kDims - 1];
  std::int64_t steps[kIn];
  bool fixed = false;
  for (int k = 0; k < kIn; ++k) {
    steps[k] = instruction.in[k].strides[kDims - 1];
    fixed |= steps[k] == 0;
  }
  const T* in[kIn];
  if (frame.flat) {
    for (int k = 0; k < kIn; ++k) {
      in[k] = frame.buffers[instruction.in[k].buffer][frame.first] + instruction.in[k].offset;
    }
    T* out = frame.buffers[instruction.out.buffer][frame.first] + instruction.out.offset;
    if (fixed) {
      along<Op, T>(out, in, steps, frame.rows * n);
    } else {
      elements<Op, T, false>(out, in, steps, frame.rows * n);
    }
    return;
  }
  const Rows<T> to =
      frame.buffers[instruction.out.buffer].from(frame.first).plus(instruction.out.offset);
  Rows<T> from[kIn];
  const bool one_run = dims[0] * dims[1] * dims[2] == 1;
  bool even = one_run && !fixed && to.table == nullptr;
  for (int k = 0; k < kIn; ++k) {
    const Operand& operand = instruction.in[k];
    from[k] = frame.buffers[operand.buffer].from(frame.first).plus(operand.offset);
    even &= from[k].table == nullptr;
  }
  if (even) {
    along_rows<Op, T>(to, from, frame.rows, n);
    return;
  }
  for (int row = 0; row < frame.rows; ++row) {
    T* const out = to[row];
    if (one_run) {
      for (int k = 0; k < kIn; ++k) in[k] = from[k][row];
      along<Op, T>(out, in, steps, n);
      continue;
    }
    for (std::int64_t a = 0; a < dims[0]; ++a) {
      for (std::int64_t b = 0; b < dims[1]; ++b) {
        for (std::int64_t c = 0; c < dims[2]; ++c) {
          for (int k = 0; k < kIn; ++k) {
            const std::int64_t* s = instruction.in[k].strides;
            in[k] = from[k][row] + a * s[0] + b * s[1] + c * s[2];
          }
          const std::int64_t* s = instruction.out.strides;
          along<Op, T>(out + a * s[0] + b * s[1] + c * s[2], in, steps, n);
        }
      }
    }
  }
}

// A copy whose input may go from element to element in any step.
template <class T>
void copy_any(const Instruction& instruction, const Frame<T>& frame) {
  const std::int64_t step = instruction.in[0].strides[kDims - 1];
  if (step == 0 || step == 1) {
    pointwise<Op_copy, T>(instruction, frame);
    return;
  }
  const std::int64_t* dims = instruction.dims;
  const std::int64_t* s = instruction.in[0].strides;
  const std::int64_t* o = instruction.out.strides;
  for (int row = frame.first; row < frame.first + frame.rows; ++row) {
    const T* from = frame.buffers[instruction.in[0].buffer][row] + instruction.in[0].offset;
    T* to = frame.buffers[instruction.out.buffer][row] + instruction.out.offset;
    for (std::int64_t a = 0; a < dims[0]; ++a) {
      for (std::int64_t b = 0; b < dims[1]; ++b) {
        for (std::int64_t c = 0; c < dims[2]; ++c) {
          for (std::int64_t d = 0; d < dims[3]; ++d) {
            to[a * o[0] + b * o[1] + c * o[2] + d] =
                from[a * s[0] + b * s[1] + c * s[2] + d * step];
          }
        }
      }
    }
  }
}

}  // namespace recurra::RECURRA_ISA
