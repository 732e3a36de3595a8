// The one order in which elements of a row are joined, as a plain loop.
#pragma once

#include <cstdint>

namespace recurra::tests {

// Around the width of every vector and of the order itself.
constexpr std::int64_t kLengths[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  15,
                                     16, 17, 18, 31, 32, 33, 50, 65, 130};

constexpr int kOrder = 16;

// Element i joins running value i mod 16, then halves join halves.
template <class T, class Begin, class Join, class Halve>
T in_order(std::int64_t n, Begin begin, Join join, Halve halve) {
  T running[kOrder];
  for (T& each : running) each = begin;
  for (std::int64_t i = 0; i < n; ++i) running[i % kOrder] = join(running[i % kOrder], i);
  for (int half = kOrder / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) running[i] = halve(running[i], running[i + half]);
  }
  return running[0];
}

template <class T>
T add(T a, T b) {
  return a + b;
}

}  // namespace recurra::tests
