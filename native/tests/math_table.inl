// The functions of kernels/math.h over arrays, for the instruction set that RECURRA_ISA names.

#include "kernels/math.h"
#include "tests/math_table.h"

namespace recurra::RECURRA_ISA {

#define RECURRA_UNARY(NAME)                                                                \
  template <class T>                                                                       \
  static void all_##NAME(const T* x, T* y, std::size_t count) {                            \
    constexpr std::size_t lanes = kLanes<T>;                                               \
    std::size_t k = 0;                                                                     \
    for (; k + lanes <= count; k += lanes) store<T>(y + k, NAME<T>(load<T>(x + k)));       \
    const int rest = static_cast<int>(count - k);                                          \
    if (rest) store_some<T>(y + k, NAME<T>(load_some<T>(x + k, rest)), rest);              \
  }
#define RECURRA_BINARY(NAME)                                                               \
  template <class T>                                                                       \
  static void all_##NAME(const T* a, const T* b, T* y, std::size_t count) {                \
    constexpr std::size_t lanes = kLanes<T>;                                               \
    std::size_t k = 0;                                                                     \
    for (; k + lanes <= count; k += lanes)                                                 \
      store<T>(y + k, NAME<T>(load<T>(a + k), load<T>(b + k)));                            \
    const int rest = static_cast<int>(count - k);                                          \
    if (rest == 0) return;                                                                 \
    const Vec<T> last = NAME<T>(load_some<T>(a + k, rest), load_some<T>(b + k, rest));     \
    store_some<T>(y + k, last, rest);                                                      \
  }

RECURRA_UNARY(exp)
RECURRA_UNARY(log)
RECURRA_UNARY(tanh)
RECURRA_UNARY(sigmoid)
RECURRA_UNARY(softplus)
RECURRA_UNARY(silu)
RECURRA_UNARY(erf)
RECURRA_UNARY(gelu)
RECURRA_UNARY(sin)
RECURRA_UNARY(cos)
RECURRA_UNARY(rsqrt)
RECURRA_UNARY(sign)
RECURRA_UNARY(relu)
RECURRA_BINARY(pow)
RECURRA_BINARY(maximum)
RECURRA_BINARY(minimum)

template <class T>
constexpr tests::Functions<T> functions{
    all_exp<T>,  all_log<T>,  all_tanh<T>,    all_sigmoid<T>, all_softplus<T>, all_silu<T>,
    all_erf<T>,  all_gelu<T>, all_sin<T>,     all_cos<T>,     all_rsqrt<T>,    all_sign<T>,
    all_relu<T>, all_pow<T>,  all_maximum<T>, all_minimum<T>};

}  // namespace recurra::RECURRA_ISA

#define RECURRA_TABLE_NAME(SET) math_of_##SET
#define RECURRA_TABLE(SET) RECURRA_TABLE_NAME(SET)
#define RECURRA_TEXT_OF(SET) #SET
#define RECURRA_TEXT(SET) RECURRA_TEXT_OF(SET)

namespace recurra::tests {

const MathTable RECURRA_TABLE(RECURRA_ISA){RECURRA_TEXT(RECURRA_ISA), RECURRA_ISA::kLanes<float>,
                                           RECURRA_ISA::functions<float>,
                                           RECURRA_ISA::functions<double>};

}  // namespace recurra::tests
