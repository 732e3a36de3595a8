#include "streams/key_heap.h"

#include <algorithm>
#include <utility>

namespace recurra {

KeyHeap::Place KeyHeap::put(const char* data, std::uint32_t size) {
  const bool fits = open_ < blocks_.size() && blocks_[open_].size - blocks_[open_].used >= size;
  std::size_t block = open_;
  if (!fits) {
    const bool own = size > kBlock / 4;  // a long key wastes the rest of no block
    const std::size_t room = own ? size : kBlock;
    blocks_.push_back({std::unique_ptr<char[]>(new char[room]), room, 0});
    bytes_ += room;
    block = blocks_.size() - 1;
    if (!own) open_ = block;
  }
  Block& found = blocks_[block];
  std::memcpy(found.bytes.get() + found.used, data, size);
  const Place place = static_cast<Place>(block) << 32 | found.used;
  found.used += size;
  used_ += size;
  return place;
}

void KeyHeap::swap(KeyHeap& other) {
  std::swap(blocks_, other.blocks_);
  std::swap(open_, other.open_);
  std::swap(used_, other.used_);
  std::swap(dead_, other.dead_);
  std::swap(bytes_, other.bytes_);
}

}  // namespace recurra
