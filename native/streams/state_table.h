// States by key: hash of keys, key bytes, rows of state, the order of use.
//
// Every change of a state makes its key the most recently used one and dirty, and `each_dirty` makes
// all clean at once. So the dirty keys are always the most recently used ones, and a walk from that
// end that stops at the first clean key has seen all of them. A table that is not ordered spares
// itself the order, and has no use for what goes by it.
//
// Not for two threads at once.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "streams/entries.h"
#include "streams/key.h"
#include "streams/key_heap.h"
#include "streams/key_index.h"

namespace recurra {

class StateTable {
 public:
  // start: the bytes of H_0.
  StateTable(const char* start, std::size_t row_bytes, bool ordered, std::uint64_t seed);

  std::size_t size() const { return size_; }
  std::size_t dirty() const { return dirty_; }
  std::size_t bytes() const { return entries_.bytes() + heap_.bytes() + index_.bytes(); }
  bool ordered() const { return ordered_; }
  std::size_t row_bytes() const { return entries_.row_bytes(); }
  const char* start() const { return start_.data(); }
  Row rows() const { return entries_.count(); }  // those in use are among the first so many

  Entry& entry(Row row) const { return entries_[row]; }
  char* state(Row row) const { return entries_.state(row); }
  Key key(Row row) const;
  bool in_use(Row row) const { return entries_[row].kind != 0; }

  std::uint32_t hash(const Key& key) const { return hash_of(key, seed_); }
  void fetch_slot(std::uint32_t hash) const { index_.fetch(hash); }
  // The row that a key with this hash may have, without a look at it, or kNoRow.
  Row candidate(std::uint32_t hash) const {
    return index_.find(hash, [](Row) { return true; });
  }
  Row find(const Key& key, std::uint32_t hash) const {
    return index_.find(hash, [&](Row row) { return has_key(row, key); });
  }
  Row find(const Key& key) const { return find(key, hash(key)); }
  bool has_key(Row row, const Key& key) const {
    const Entry& entry = entries_[row];
    return entry.size == key.size && entry.kind == key.kind &&
           same_bytes(bytes_of(entry), key.data, key.size);
  }

  // A row for a key that is not here; its state is not set.
  Row insert(const Key& key, std::uint32_t hash);
  void erase(Row row);
  // The state of a row has changed.
  void touch(Row row, std::int64_t now);

  // Asks for the memory that touching a row will need.
  void fetch_neighbours(Row row) const {
    if (!ordered_) return;
    for (const Row next : {entries_[row].older, entries_[row].newer}) {
      if (next != kNoRow) __builtin_prefetch(&entries_[next], 1);
    }
  }

  // Of an ordered table: drops keys from the least recently used on: those last seen before `oldest`, at most so many ...
  std::size_t expire(std::int64_t oldest, std::size_t most);
  // ... or until so many are left. Without `dirty_too` it stops at the first dirty one.
  std::size_t evict(std::size_t keep, bool dirty_too);

  // Of an ordered table: calls use(row) for every dirty key, the most recently used first, and makes it clean.
  template <class Use>
  void each_dirty(const Use& use) {
    for (Row row = newest_; row != kNoRow && entries_[row].dirty; row = entries_[row].older) {
      if (entries_[row].older != kNoRow) __builtin_prefetch(&entries_[entries_[row].older]);
      use(row);
      entries_[row].dirty = false;
    }
    dirty_ = 0;
  }

 private:
  const char* bytes_of(const Entry& entry) const {
    return entry.size <= Entry::kInside ? entry.inside : heap_.at(entry.place);
  }
  void link(Row row);
  void unlink(Row row);
  void compact_keys();

  std::uint64_t seed_;
  bool ordered_;
  std::vector<char> start_;
  Entries entries_;
  KeyHeap heap_;
  KeyIndex index_;
  Row free_ = kNoRow, oldest_ = kNoRow, newest_ = kNoRow;
  std::size_t size_ = 0, dirty_ = 0;
};

}  // namespace recurra
