#include "streams/state_table.h"

namespace recurra {

StateTable::StateTable(const char* start, std::size_t row_bytes, bool ordered, std::uint64_t seed)
    : seed_(seed), ordered_(ordered), start_(start, start + row_bytes), entries_(row_bytes) {}

Key StateTable::key(Row row) const {
  const Entry& entry = entries_[row];
  return {bytes_of(entry), entry.size, entry.kind};
}

Row StateTable::insert(const Key& key, std::uint32_t hash) {
  if (free_ == kNoRow) free_ = entries_.add();
  const Row row = free_;
  const bool inside = key.size <= Entry::kInside;
  const KeyHeap::Place place = inside ? 0 : heap_.put(key.data, key.size);
  index_.insert(hash, row);  // the last that may find no memory
  Entry& entry = entries_[row];
  free_ = entry.older;
  entry = Entry();
  if (!inside) {
    entry.place = place;
  } else if (key.size > 0) {
    std::memcpy(entry.inside, key.data, key.size);
  }
  entry.hash = hash;
  entry.size = key.size;
  entry.kind = key.kind;
  link(row);
  ++size_;
  return row;
}

void StateTable::erase(Row row) {
  Entry& entry = entries_[row];
  index_.erase(entry.hash, row);
  unlink(row);
  if (entry.size > Entry::kInside) heap_.let_go(entry.size);
  dirty_ -= entry.dirty;
  --size_;
  entry = Entry();
  entry.older = free_;
  free_ = row;
  if (heap_.mostly_dead()) compact_keys();
}

void StateTable::touch(Row row, std::int64_t now) {
  Entry& entry = entries_[row];
  entry.last_seen = now;
  dirty_ += !entry.dirty;
  entry.dirty = true;
  if (!ordered_ || row == newest_) return;
  unlink(row);
  link(row);
}

std::size_t StateTable::expire(std::int64_t oldest, std::size_t most) {
  std::size_t count = 0;
  while (count < most && oldest_ != kNoRow && entries_[oldest_].last_seen < oldest) {
    erase(oldest_);
    ++count;
  }
  return count;
}

std::size_t StateTable::evict(std::size_t keep, bool dirty_too) {
  std::size_t count = 0;
  while (size_ > keep && (dirty_too || !entries_[oldest_].dirty)) {
    erase(oldest_);
    ++count;
  }
  return count;
}

void StateTable::link(Row row) {
  Entry& entry = entries_[row];
  entry.older = newest_;
  entry.newer = kNoRow;
  (newest_ != kNoRow ? entries_[newest_].newer : oldest_) = row;
  newest_ = row;
}

void StateTable::unlink(Row row) {
  const Entry& entry = entries_[row];
  (entry.older != kNoRow ? entries_[entry.older].newer : oldest_) = entry.newer;
  (entry.newer != kNoRow ? entries_[entry.newer].older : newest_) = entry.older;
}

void StateTable::compact_keys() {
  KeyHeap fresh;
  std::vector<std::pair<Row, KeyHeap::Place>> moved;
  for (Row row = 0; row < entries_.count(); ++row) {
    const Entry& entry = entries_[row];
    if (entry.size <= Entry::kInside) continue;
    moved.emplace_back(row, fresh.put(heap_.at(entry.place), entry.size));
  }
  for (const auto& [row, place] : moved) entries_[row].place = place;
  heap_.swap(fresh);
}

}  // namespace recurra
