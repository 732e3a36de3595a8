// A batch of events by key, resolved in a table: which keys there are, and which events each has.
//
// Keys that are not in the table get a row there at once, so that the second event of one finds the
// first's. `finish` makes the batch count; until then `abandon` takes it back, and whoever is resolved
// last counts. A key last seen before `oldest` is in the batch with H_0 for its state.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "streams/state_table.h"

namespace recurra {

class Batch {
 public:
  explicit Batch(StateTable& table) : table_(table) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Makes room for so many keys, which are then filled in.
  Key* reserve(std::size_t events);
  // 8 bytes for each key that is a whole number.
  char* number(std::size_t event) { return &numbers_[8 * event]; }
  // Should memory run out half-way, the batch is abandoned.
  void resolve(std::size_t events, std::int64_t oldest);
  void finish(std::int64_t now);
  void abandon();

  std::size_t events() const { return events_; }
  std::size_t keys() const { return found_.size(); }
  std::uint32_t position(std::size_t event) const { return positions_[event]; }  // of its key
  // The events of a key, in their order.
  std::uint32_t count(std::uint32_t position) const { return found_[position].count; }
  std::uint32_t first(std::uint32_t position) const { return found_[position].first; }
  std::uint32_t next(std::uint32_t event) const { return next_[event]; }

  Row row(std::uint32_t position) const { return found_[position].row; }
  // The state that a key has before the batch.
  const char* before(std::uint32_t position) const {
    const Found& found = found_[position];
    return found.at_start ? table_.start() : table_.state(found.row);
  }
  // The state of a key, to be moved on in place.
  char* state(std::uint32_t position) {
    char* const state = table_.state(found_[position].row);
    if (found_[position].at_start && table_.row_bytes() > 0) {
      std::memcpy(state, table_.start(), table_.row_bytes());
    }
    found_[position].at_start = false;
    return state;
  }
  // Where the state of a key is to be put.
  char* after(std::uint32_t position) {
    found_[position].at_start = false;
    return table_.state(found_[position].row);
  }

  const std::vector<std::uint32_t>& fresh() const { return fresh_; }  // positions of new keys

 private:
  struct Found {
    Row row;
    std::uint32_t count, first, last;  // events
    bool at_start;                     // whatever is in its row
  };

  void resolve_some(std::size_t first, std::size_t last, std::int64_t oldest);
  Row row_of(std::size_t event, Row candidate);
  void add_event(std::uint32_t event, Row row, std::int64_t oldest);

  StateTable& table_;
  std::uint64_t number_ = 0;  // of the batch
  std::size_t events_ = 0;
  std::vector<Key> given_;
  std::vector<char> numbers_;
  std::vector<std::uint32_t> hashes_, positions_, next_;  // of each event
  std::vector<Found> found_;                              // of each key
  std::vector<std::uint32_t> fresh_;
};

}  // namespace recurra
