// Which row a key has, by its hash: open addressing, a row after the other where two would meet. A slot
// holds the hash beside the row, so that nothing else is read on the way, not when growing either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "streams/entries.h"

namespace recurra {

class KeyIndex {
 public:
  KeyIndex() : slots_(kSmallest, 0) {}

  void fetch(std::uint32_t hash) const { __builtin_prefetch(&slots_[hash & mask()]); }

  // The first row with this hash for which `is_it(row)` holds, or kNoRow.
  template <class IsIt>
  Row find(std::uint32_t hash, const IsIt& is_it) const {
    for (std::size_t k = hash & mask(); slots_[k] != 0; k = (k + 1) & mask()) {
      if (hash_in(slots_[k]) == hash && is_it(row_in(slots_[k]))) return row_in(slots_[k]);
    }
    return kNoRow;
  }

  void insert(std::uint32_t hash, Row row);
  void erase(std::uint32_t hash, Row row);
  std::size_t bytes() const { return slots_.size() * sizeof(std::uint64_t); }

 private:
  static constexpr std::size_t kSmallest = 16;

  static std::uint32_t hash_in(std::uint64_t slot) {
    return static_cast<std::uint32_t>(slot >> 32);
  }
  static Row row_in(std::uint64_t slot) { return static_cast<Row>(slot) - 1; }
  std::size_t mask() const { return slots_.size() - 1; }
  void place(std::uint64_t slot);
  void grow();

  std::vector<std::uint64_t> slots_;  // the hash, then the row and one; 0 is empty
  std::size_t count_ = 0;
};

}  // namespace recurra
