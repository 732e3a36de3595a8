// Aligned memory that is handed out piece by piece.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace recurra {

class Memory {
 public:
  static constexpr std::size_t kAlignment = 64;
  // From half of one on, memory comes in whole large pages: weights that are read from end to end lie
  // together in the caches too, and the processor looks up one page in place of 512.
  static constexpr std::size_t kLargePage = 1 << 21;

  Memory() = default;
  explicit Memory(std::size_t bytes) { reserve(bytes); }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Makes room, forgetting what was there.
  void reserve(std::size_t bytes) {
    used_ = 0;
    if (bytes <= size_) return;
    std::free(data_);
    data_ = nullptr;
    size_ = 0;
    const bool large = bytes >= kLargePage / 2;
    const std::size_t unit = large ? kLargePage : kAlignment;
    const std::size_t whole = (bytes / unit + 1) * unit;
    data_ = static_cast<std::byte*>(std::aligned_alloc(unit, whole));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = whole;
#if defined(__linux__)
    if (large) (void)madvise(data_, whole, MADV_HUGEPAGE);  // where there are none, small ones do
#endif
  }

  template <class T>
  T* take(std::size_t count) {
    T* piece = reinterpret_cast<T*>(data_ + used_);
    used_ += rounded(count * sizeof(T));
    if (used_ > size_) throw std::bad_alloc();
    return piece;
  }

  static std::size_t rounded(std::size_t bytes) { return (bytes / kAlignment + 1) * kAlignment; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

}  // namespace recurra
