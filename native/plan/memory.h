// Aligned memory that is handed out piece by piece.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace recurra {

class Memory {
 public:
  static constexpr std::size_t kAlignment = 64;

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
    const std::size_t whole = rounded(bytes);
    data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, whole));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = whole;
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
