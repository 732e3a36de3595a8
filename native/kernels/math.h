#pragma once
#include <cmath>
#include "simd/simd.h"
namespace recurra::RECURRA_ISA {
#define L1(n, e) template <class T> RECURRA_INLINE Vec<T> n(Vec<T> v) { for (int i=0;i<kLanes<T>;++i) { T x=v[i]; v[i]=(e);} return v; }
L1(exp, std::exp(x)) L1(log, std::log(x)) L1(tanh, std::tanh(x)) L1(sigmoid, T(1)/(T(1)+std::exp(-x))) L1(softplus, std::log1p(std::exp(x)))
L1(silu, x/(T(1)+std::exp(-x))) L1(erf, std::erf(x)) L1(gelu, x*T(0.5)*(T(1)+std::erf(x*T(0.70710678118654752)))) L1(relu, x<0?T(0):x) L1(rsqrt, T(1)/std::sqrt(x))
L1(sin, std::sin(x)) L1(cos, std::cos(x)) L1(sign, T((x>0)-(x<0)))
template <class T> RECURRA_INLINE Vec<T> pow(Vec<T> v, Vec<T> w) { for (int i=0;i<kLanes<T>;++i) v[i]=std::pow(v[i],w[i]); return v; }
template <class T> RECURRA_INLINE Vec<T> maximum(Vec<T> v, Vec<T> w) { return (v > w) | (v != v) ? v : w; }
template <class T> RECURRA_INLINE Vec<T> minimum(Vec<T> v, Vec<T> w) { return (v < w) | (v != v) ? v : w; }
}
