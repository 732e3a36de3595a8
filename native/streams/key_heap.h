// The bytes of keys that are too long for their entry, in blocks; what was let go of is taken back by
// moving the rest together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace recurra {

class KeyHeap {
 public:
  static constexpr std::size_t kBlock = 1 << 16;

  // Where a key lies: the block in the upper half, the offset in the lower.
  using Place = std::uint64_t;

  Place put(const char* data, std::uint32_t size);
  const char* at(Place place) const {
    return blocks_[place >> 32].bytes.get() + static_cast<std::uint32_t>(place);
  }
  // The bytes stay until the heap is cleared.
  void let_go(std::uint32_t size) { dead_ += size; }
  // Whether more than half of it is dead, and enough for moving the rest to pay.
  bool mostly_dead() const { return dead_ > kBlock && 2 * dead_ > used_; }
  std::size_t bytes() const { return bytes_; }

  void swap(KeyHeap& other);

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0, used = 0;
  };
  std::vector<Block> blocks_;
  std::size_t open_ = 0;  // the block that small keys go to; there is none at first
  std::size_t used_ = 0, dead_ = 0, bytes_ = 0;
};

}  // namespace recurra
