// Keys that own their bytes, and a table to look them up in.
#pragma once

#include <string>
#include <vector>

#include "streams/state_table.h"

namespace recurra::tests {

inline Key key_of(const std::string& text, char kind = 's') {
  return {text.data(), static_cast<std::uint32_t>(text.size()), kind};
}

inline std::string text_of(const Key& key) { return {key.data, key.size}; }

// A key of 5 to 60 bytes: some lie in their entry, some in the heap.
inline std::string name_of(std::uint64_t number) {
  return "key-" + std::to_string(number) + std::string(number * 7 % 55, 'x');
}

struct Table : StateTable {
  explicit Table(std::size_t row_bytes = 8, bool ordered = true)
      : StateTable(std::string(row_bytes, '\0').data(), row_bytes, ordered, 12345) {}

  Row put(const std::string& name, std::int64_t now = 0) {
    Row row = find(key_of(name));
    if (row == kNoRow) row = insert(key_of(name), hash(key_of(name)));
    touch(row, now);
    return row;
  }
  bool has(const std::string& name) const { return find(key_of(name)) != kNoRow; }
  bool drop(const std::string& name) {
    const Row row = find(key_of(name));
    if (row != kNoRow) erase(row);
    return row != kNoRow;
  }
  std::vector<std::string> take_dirty() {
    std::vector<std::string> names;
    each_dirty([&](Row row) { names.push_back(text_of(key(row))); });
    return names;
  }
};

}  // namespace recurra::tests
