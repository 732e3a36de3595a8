// The functions of kernels/math.h over arrays, one table for each instruction set.
#pragma once

#include <cstddef>

namespace recurra::tests {

template <class T>
using Unary = void (*)(const T* x, T* y, std::size_t count);
template <class T>
using Binary = void (*)(const T* a, const T* b, T* y, std::size_t count);

template <class T>
struct Functions {
  Unary<T> exp, log, tanh, sigmoid, softplus, silu, erf, gelu, sin, cos, rsqrt, sign, relu;
  Binary<T> pow, maximum, minimum;
};

struct MathTable {
  const char* set;
  int lanes_of_float;
  Functions<float> of_float;
  Functions<double> of_double;
};

extern const MathTable math_of_baseline;
#if defined(__x86_64__)
extern const MathTable math_of_avx2;
extern const MathTable math_of_avx512;
#endif

}  // namespace recurra::tests
