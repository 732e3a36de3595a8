// The greatest error of each function of kernels/math.h, in units in the last place of the true value,
// over its whole range. tests/test_math.cpp holds them.
#pragma once

namespace recurra {

struct UlpBound {
  double of_float, of_double;
};

constexpr UlpBound kExpUlp{1.5, 1.5};
constexpr UlpBound kLogUlp{1.5, 1.5};
constexpr UlpBound kTanhUlp{2.6, 2.6};
constexpr UlpBound kSigmoidUlp{2.3, 2.3};
constexpr UlpBound kSoftplusUlp{3.0, 3.0};
constexpr UlpBound kSiluUlp{3.0, 3.0};
constexpr UlpBound kErfUlp{3.0, 3.0};
constexpr UlpBound kGeluUlp{7.0, 7.0};
constexpr UlpBound kSinUlp{1.5, 1.5};
constexpr UlpBound kCosUlp{1.5, 1.5};
constexpr UlpBound kPowUlp{2.0, 2.0};
constexpr UlpBound kRsqrtUlp{1.0, 1.0};

}  // namespace recurra
