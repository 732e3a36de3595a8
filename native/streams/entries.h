// What a table knows of each key, and the bytes of its state: in chunks that never move, so that a
// table of a million keys grows without ever needing twice its memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace recurra {

using Row = std::uint32_t;
inline constexpr Row kNoRow = ~Row{0};

// One line of the cache.
struct alignas(64) Entry {
  static constexpr std::uint32_t kInside = 24;  // bytes of a key that fit in here

  std::int64_t last_seen = 0;          // microseconds
  Row older = kNoRow, newer = kNoRow;  // by use; of a free row: the next free one in `older`
  std::uint32_t hash = 0;
  std::uint32_t size = 0;  // of the key
  union {
    char inside[kInside];
    std::uint64_t place;  // in the heap of keys
  };
  std::uint64_t batch = 0;     // the last batch that the key was in
  std::uint32_t position = 0;  // and where among its keys
  char kind = 0;               // of the key; 0 is a free row
  bool dirty = false;          // the state has not been collected

  Entry() : inside{} {}
};
static_assert(sizeof(Entry) == 64);

class Entries {
 public:
  static constexpr Row kChunk = 1024;

  explicit Entries(std::size_t row_bytes) : row_bytes_(row_bytes) {}

  Entry& operator[](Row row) const { return entries_[row / kChunk][row % kChunk]; }
  char* state(Row row) const { return states_[row / kChunk][0].bytes + row % kChunk * row_bytes_; }
  std::size_t row_bytes() const { return row_bytes_; }
  Row count() const { return count_; }  // rows that have ever been in use
  std::size_t bytes() const { return entries_.size() * kChunk * (sizeof(Entry) + row_bytes_); }

  // One row more; its state is not set.
  Row add() {
    if (count_ == entries_.size() * kChunk) {
      std::unique_ptr<Line[]> states(new Line[kChunk * row_bytes_ / sizeof(Line) + 1]);
      std::unique_ptr<Entry[]> entries(new Entry[kChunk]);
      states_.push_back(std::move(states));
      entries_.push_back(std::move(entries));
    }
    return count_++;
  }

 private:
  struct alignas(64) Line {
    char bytes[64];
  };

  std::size_t row_bytes_;
  Row count_ = 0;
  std::vector<std::unique_ptr<Entry[]>> entries_;
  std::vector<std::unique_ptr<Line[]>> states_;
};

}  // namespace recurra
