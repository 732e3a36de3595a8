#include "streams/key_index.h"

#include <utility>

namespace recurra {

void KeyIndex::insert(std::uint32_t hash, Row row) {
  if (10 * (count_ + 1) > 7 * slots_.size()) grow();
  place(static_cast<std::uint64_t>(hash) << 32 | (row + 1));
  ++count_;
}

void KeyIndex::place(std::uint64_t slot) {
  std::size_t k = hash_in(slot) & mask();
  while (slots_[k] != 0) k = (k + 1) & mask();
  slots_[k] = slot;
}

void KeyIndex::grow() {
  std::vector<std::uint64_t> before(2 * slots_.size(), 0);
  std::swap(before, slots_);
  for (const std::uint64_t slot : before) {
    if (slot != 0) place(slot);
  }
}

// Those behind move up, as far as their own place allows: no slot says "there was one".
void KeyIndex::erase(std::uint32_t hash, Row row) {
  std::size_t hole = hash & mask();
  while (row_in(slots_[hole]) != row) hole = (hole + 1) & mask();
  for (std::size_t k = (hole + 1) & mask(); slots_[k] != 0; k = (k + 1) & mask()) {
    const std::size_t home = hash_in(slots_[k]) & mask();
    if (((k - home) & mask()) < ((k - hole) & mask())) continue;
    slots_[hole] = slots_[k];
    hole = k;
  }
  slots_[hole] = 0;
  --count_;
}

}  // namespace recurra
