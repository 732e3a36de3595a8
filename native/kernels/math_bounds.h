// The greatest error of each function of kernels/math.h, in units in the last place of the true
// value. tests/test_math.cpp holds them over the whole range, at the points where the greatest errors
// of float were found among all numbers from 2^-13 to 2^8, both ways, too.
#pragma once

namespace recurra {

struct UlpBound {
  double of_float, of_double;
};

constexpr UlpBound kExpUlp{1.1, 1.1};
constexpr UlpBound kLogUlp{0.85, 0.85};
constexpr UlpBound kTanhUlp{2.6, 2.9};
constexpr UlpBound kSigmoidUlp{2.5, 2.6};
constexpr UlpBound kSoftplusUlp{2.0, 2.8};
constexpr UlpBound kSiluUlp{2.8, 2.8};
constexpr UlpBound kErfUlp{1.3, 1.3};
// In the left tail; 1.5 where |x| < 1/2.
constexpr UlpBound kGeluUlp{5.2, 5.2};
constexpr UlpBound kSinUlp{0.51, 0.85};
constexpr UlpBound kCosUlp{0.51, 0.85};
constexpr UlpBound kPowUlp{0.51, 1.25};
constexpr UlpBound kRsqrtUlp{0.51, 0.51};

}  // namespace recurra
