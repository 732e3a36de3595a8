// Rows of numbers for the tests of kernels, in memory that ends where the last row ends: address
// sanitizer sees what reads past it, and what else was written is seen by comparing all of it.
#pragma once

#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace recurra::tests {

// Numbers from -1 to 1, the same in every run.
class Random {
 public:
  double operator()() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<std::int64_t>(state_) >> 11) * 0x1p-52;
  }

 private:
  std::uint64_t state_ = 20260;
};

enum class Lie { together, apart, scattered };

constexpr Lie kLies[] = {Lie::together, Lie::apart, Lie::scattered};

template <class T>
constexpr T kUntouched = T(-98765);

// Rows one element off any alignment: following each other, with room between, or each by itself.
template <class T>
class Laid {
 public:
  Laid(int rows, std::int64_t size, Lie lie)
      : rows_(rows),
        stride_(size + (lie == Lie::together ? 0 : 3)),
        scattered_(lie == Lie::scattered) {
    memory.assign(static_cast<std::size_t>(1 + (rows > 0 ? (rows - 1) * stride_ + size : 0)),
                  kUntouched<T>);
    for (int r = 0; r < rows; ++r) table_.push_back(&memory[place(r, 0)] - 1);
  }
  Laid(const Laid&) = delete;
  Laid& operator=(const Laid&) = delete;

  std::size_t place(int row, std::int64_t k) const {
    return static_cast<std::size_t>(1 + (scattered_ ? rows_ - 1 - row : row) * stride_ + k);
  }
  T& at(int row, std::int64_t k) { return memory[place(row, k)]; }
  Rows<T> rows() {
    return scattered_ ? Rows<T>{nullptr, 0, table_.data(), 1}
                      : Rows<T>{memory.data() + 1, stride_, nullptr, 0};
  }
  void fill(Random& random) {
    for (T& each : memory) each = static_cast<T>(random());
  }

  std::vector<T> memory;

 private:
  int rows_;
  std::int64_t stride_;
  bool scattered_;
  std::vector<T*> table_;
};

template <class T>
bool same_bytes(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// What is not a number has many forms, and hardware is free to choose.
template <class T>
bool same_bits(T a, T b) {
  return same_bytes(a, b) || (a != a && b != b);
}

// Nothing where all is the same, or where the first difference is.
template <class T>
std::string difference(const std::vector<T>& got, const std::vector<T>& wanted,
                       bool (*same)(T, T) = same_bits<T>) {
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (same(got[k], wanted[k])) continue;
    std::ostringstream text;
    text.precision(17);
    text << "element " << k << " is " << got[k] << ", expected " << wanted[k];
    return text.str();
  }
  return {};
}

inline std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (supported(isa)) found.push_back(isa);
  }
  return found;
}

}  // namespace recurra::tests
