#include "streams/batch.h"

#include <algorithm>

namespace recurra {
namespace {

// So many keys are looked up side by side: while the memory of one comes, that of the others is asked
// for.
constexpr std::size_t kSideBySide = 64;

void fetch(const char* bytes, std::size_t count) {
  for (std::size_t k = 0; k < count; k += 64) __builtin_prefetch(bytes + k);
}

}  // namespace

Key* Batch::reserve(std::size_t events) {
  given_.resize(events);
  numbers_.resize(8 * events);
  return given_.data();
}

void Batch::resolve(std::size_t events, std::int64_t oldest) {
  abandon();
  try {
    for (auto* each : {&hashes_, &positions_, &next_}) each->resize(events);
    found_.reserve(events);
    fresh_.reserve(events);
    ++number_;
    for (std::size_t k = 0; k < events; k += kSideBySide) {
      resolve_some(k, std::min(events, k + kSideBySide), oldest);
    }
    events_ = events;
  } catch (...) {
    abandon();
    throw;
  }
}

void Batch::resolve_some(std::size_t first, std::size_t last, std::int64_t oldest) {
  Row candidates[kSideBySide];
  for (std::size_t k = first; k < last; ++k) {
    hashes_[k] = table_.hash(given_[k]);
    table_.fetch_slot(hashes_[k]);
  }
  for (std::size_t k = first; k < last; ++k) {
    const Row row = table_.candidate(hashes_[k]);
    candidates[k - first] = row;
    if (row == kNoRow) continue;
    __builtin_prefetch(&table_.entry(row), 1);
    fetch(table_.state(row), table_.row_bytes());
  }
  for (std::size_t k = first; k < last; ++k) {
    add_event(static_cast<std::uint32_t>(k), row_of(k, candidates[k - first]), oldest);
  }
}

// What the index says is right nearly always; else, two keys have one hash, or the key is new.
Row Batch::row_of(std::size_t event, Row candidate) {
  const Key& key = given_[event];
  if (candidate != kNoRow && table_.has_key(candidate, key)) return candidate;
  const Row row = table_.find(key, hashes_[event]);
  if (row != kNoRow) return row;
  fresh_.push_back(static_cast<std::uint32_t>(found_.size()));
  return table_.insert(key, hashes_[event]);
}

void Batch::add_event(std::uint32_t event, Row row, std::int64_t oldest) {
  Entry& entry = table_.entry(row);
  if (entry.batch == number_) {
    Found& found = found_[entry.position];
    next_[found.last] = event;
    found.last = event;
    ++found.count;
    positions_[event] = entry.position;
    return;
  }
  const auto position = static_cast<std::uint32_t>(found_.size());
  const bool is_fresh = !fresh_.empty() && fresh_.back() == position;
  entry.batch = number_;
  entry.position = position;
  positions_[event] = position;
  found_.push_back({row, 1, event, event, is_fresh || entry.last_seen < oldest});
}

void Batch::finish(std::int64_t now) {
  constexpr std::size_t kAhead = 8;
  for (std::size_t k = 0; k < found_.size(); ++k) {
    if (k + kAhead < found_.size()) table_.fetch_neighbours(found_[k + kAhead].row);
    table_.touch(found_[k].row, now);
  }
  fresh_.clear();
  abandon();
}

void Batch::abandon() {
  for (const std::uint32_t position : fresh_) {
    if (position < found_.size()) table_.erase(found_[position].row);
  }
  events_ = 0;
  found_.clear();
  fresh_.clear();
}

}  // namespace recurra
