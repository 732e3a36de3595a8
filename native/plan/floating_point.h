// Runs a scope in the one floating-point mode that results are defined in: rounding to nearest even,
// subnormals kept, nothing trapped; and gives the caller's mode back.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace recurra {

class FloatingPointMode {
 public:
  FloatingPointMode() : before_(get()) { set(kDefined); }
  ~FloatingPointMode() { set(before_); }
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
#if defined(__SSE2__)
  using Mode = unsigned;
  static constexpr Mode kDefined = 0x1f80;  // all exceptions masked, nearest even, no flushing
  static Mode get() { return _mm_getcsr(); }
  static void set(Mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
  using Mode = std::uint64_t;
  static constexpr Mode kDefined = 0;
  static Mode get() {
    Mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void set(Mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
  using Mode = int;
  static constexpr Mode kDefined = 0;
  static Mode get() { return 0; }
  static void set(Mode) {}
#endif
  Mode before_;
};

}  // namespace recurra
