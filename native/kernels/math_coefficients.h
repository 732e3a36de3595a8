// Made by native/tools/fit_coefficients.py; change that, not this.
#pragma once

#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

// Ln2 as a sum, largest part first.
template <class T>
struct Ln2;
template <>
struct Ln2<float> {
  static constexpr float c[] = {
      0.6931472f,
      -1.9046542e-09f,
  };
};
template <>
struct Ln2<double> {
  static constexpr double c[] = {
      0.6931471805599453,
      2.3190468138462996e-17,
  };
};

// HalfPi as a sum, largest part first.
template <class T>
struct HalfPi;
template <>
struct HalfPi<double> {
  static constexpr double c[] = {
      1.5707963267948966,
      6.123233995736766e-17,
      -1.4973849048591698e-33,
  };
};

// TwoThirds as a sum, largest part first.
template <class T>
struct TwoThirds;
template <>
struct TwoThirds<double> {
  static constexpr double c[] = {
      0.6666666666666666,
      3.700743415417188e-17,
  };
};

// exp(r) = 1 + r + r^2 P(r), |r| <= ln(2)/2
template <class T>
struct ExpRest;
template <>
struct ExpRest<float> {  // greatest error 2^-28.2
  static constexpr float c[] = {
      0.49999994f, 0.1666652f, 0.04166824f, 0.008368842f, 0.0013823322f,
  };
};
template <>
struct ExpRest<double> {  // greatest error 2^-57.9
  static constexpr double c[] = {
      0.5000000000000011,     0.16666666666666435,    0.04166666666652664,
      0.008333333333480703,   0.0013888888944505748,  0.00019841269535408502,
      2.4801492210989186e-05, 2.7557560989642375e-06, 2.7630563785178996e-07,
      2.5008081190651834e-08,
  };
};

// log(1 + f) = f - f^2/2 + f^3 P(f), -1/3 <= f <= 1/3
template <class T>
struct LogRest;
template <>
struct LogRest<float> {  // greatest error 2^-30.0
  static constexpr float c[] = {
      0.33333337f,   -0.24999821f, 0.19999412f,  -0.16679546f, 0.14310248f,
      -0.121961236f, 0.10687228f,  -0.12843908f, 0.12267216f,
  };
};

// log(1 + e) = e + e^2 P(e), 0 <= e <= 1
template <class T>
struct Log1pRest;
template <>
struct Log1pRest<float> {  // greatest error 2^-28.6
  static constexpr float c[] = {
      -0.49999988f, 0.33332714f,  -0.24988864f, 0.19899622f,   -0.16135158f,
      0.124794774f, -0.08323792f, 0.04211372f,  -0.013691055f, 0.0020844035f,
  };
};

// log((1 + s)/(1 - s)) = 2 s + s z P(z), z = s^2 <= 0.0295
template <class T>
struct AtanhRest;
template <>
struct AtanhRest<double> {  // greatest error 2^-59.5
  static constexpr double c[] = {
      0.6666666666666734,  0.3999999999941657, 0.28571428742060834, 0.22222198600114731,
      0.18183563183919652, 0.153140745403428,  0.14795753063420553,
  };
};

// the same for z <= 1/9
template <class T>
struct AtanhWideRest;
template <>
struct AtanhWideRest<double> {  // greatest error 2^-64.5
  static constexpr double c[] = {
      0.6666666666666667,  0.39999999999995356, 0.2857142857233999,  0.22222222136426165,
      0.18181822783441495, 0.15384462095973112, 0.13336645803013042, 0.1171758396098462,
      0.10962138861884711, 0.07032094999455135, 0.16408026950869223,
  };
};

// log((1 + s)/(1 - s)) = 2 s + 2/3 s^3 + s^5 P(z), z = s^2 <= 0.0295
template <class T>
struct AtanhSecondRest;
template <>
struct AtanhSecondRest<double> {  // greatest error 2^-73.5
  static constexpr double c[] = {
      0.3999999999999998, 0.2857142857144384,  0.22222222217789603, 0.18181818844030334,
      0.1538455842456348, 0.13336264703776715, 0.11675775581614017, 0.1198180357748725,
  };
};

// (exp(2 r) - 1)/2 = r + r^2 P(r), |r| <= ln(2)/4
template <class T>
struct HalfExpm1Rest;
template <>
struct HalfExpm1Rest<float> {  // greatest error 2^-26.1
  static constexpr float c[] = {
      1.0f, 0.6666617f, 0.33333182f, 0.1338674f, 0.044588156f,
  };
};
template <>
struct HalfExpm1Rest<double> {  // greatest error 2^-61.7
  static constexpr double c[] = {
      1.0,
      0.6666666666666671,
      0.3333333333333334,
      0.1333333333331425,
      0.04444444444440667,
      0.012698412727497874,
      0.0031746031797679776,
      0.0007054654360524784,
      0.0001410931592905613,
      2.571187960429889e-05,
      4.284430579431167e-06,
  };
};

// sin(r) = r + r^3 P(z), z = r^2, |r| <= pi/4
template <class T>
struct SinRest;
template <>
struct SinRest<double> {  // greatest error 2^-58.0
  static constexpr double c[] = {
      -0.16666666666666632,  0.008333333333322477,    -0.00019841269829841746,
      2.755731369981318e-06, -2.5050758914082834e-08, 1.5896822522092642e-10,
  };
};

// cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| <= pi/4
template <class T>
struct CosRest;
template <>
struct CosRest<double> {  // greatest error 2^-64.2
  static constexpr double c[] = {
      0.0416666666666666,      -0.0013888888888874465, 2.480158728966147e-05,
      -2.7557314396953714e-07, 2.0875728586720463e-09, -1.1359891778332454e-11,
  };
};

// erf(x) = x + x P(z), z = x^2, |x| <= 1
template <class T>
struct ErfRest;
template <>
struct ErfRest<float> {  // greatest error 2^-29.5
  static constexpr float c[] = {
      0.12837917f,   -0.3761263f,     0.11283618f,    -0.026855126f,
      0.0051907334f, -0.00080307527f, 7.9203164e-05f,
  };
};
template <>
struct ErfRest<double> {  // greatest error 2^-56.2
  static constexpr double c[] = {
      0.1283791670955126,     -0.37612638903183876,    0.11283791670958782,
      -0.02686617064563148,   0.0052239776292406165,   -0.0008548327199028411,
      0.00012055338148224661, -1.4925747841092226e-05, 1.646324156045365e-06,
      -1.637230812439748e-07, 1.4797911253039247e-08,  -1.1874771935966895e-09,
      6.759691764540602e-11,
  };
};

// erf(x / sqrt 2) / 2 = x P(z), z = x^2, |x| <= 1/2
template <class T>
struct NormalRest;
template <>
struct NormalRest<float> {  // greatest error 2^-28.8
  static constexpr float c[] = {
      0.39894226f,
      -0.06648945f,
      0.009960829f,
      -0.0011218509f,
  };
};
template <>
struct NormalRest<double> {  // greatest error 2^-59.2
  static constexpr double c[] = {
      0.3989422804014327,    -0.0664903800669102,    0.00997355701030073,
      -0.001187328222114975, 0.00011543477577458015, -9.445320824320256e-06,
      6.688212065150969e-07, -4.770953941587837e-08, 8.295994723588313e-09,
  };
};

// exp(a^2/2) erfc(a / sqrt 2) / 2 = P((a - p)/(a + p)) / (a + p)
template <class T>
struct NormalTail;
template <>
struct NormalTail<float> {  // greatest error 2^-26.4
  static constexpr float c[] = {
      0.7595542f,     -0.62512976f, 0.41822734f,     -0.22051683f,    0.085275516f,   -0.019351546f,
      -0.0007638108f, 0.002127239f, -0.00036439384f, -0.00015907155f, 4.1185416e-05f,
  };
};
template <>
struct NormalTail<double> {  // greatest error 2^-54.5
  static constexpr double c[] = {
      0.7595542082672071,      -0.6251297770834485,     0.4182275258225244,
      -0.22051601745279345,    0.08527207614591556,     -0.01935832407763677,
      -0.0007453379491967774,  0.002149382686340038,    -0.0004044561640230396,
      -0.00019212297578071128, 7.80049263576626e-05,    2.0648921274358775e-05,
      -1.2617774409411097e-05, -3.1962895940906045e-06, 1.9989660696468637e-06,
      6.760985738479721e-07,   -2.890539121810728e-07,  -1.5727609109222997e-07,
      2.3503975841036495e-08,  3.041833217879973e-08,   5.746046519078341e-09,
      -2.086918670058681e-09,  -2.2471476890281284e-09, -6.928494948026369e-10,
  };
};

// 64 zero bits, then the bits of 2/pi after the point.
constexpr std::uint64_t kTwoOverPi[] = {
    0x0000000000000000u, 0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u,
    0xfe5163abdebbc561u, 0xb7246e3a424dd2e0u, 0x06492eea09d1921cu, 0xfe1deb1cb129a73eu,
    0xe88235f52ebb4484u, 0xe99c7026b45f7e41u, 0x3991d639835339f4u, 0x9c845f8bbdf9283bu,
    0x1ff897ffde05980fu, 0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u, 0x4f463f669e5fea2du,
    0x7527bac7ebe5f17bu, 0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu,
};

}  // namespace recurra::RECURRA_ISA
