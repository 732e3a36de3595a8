// The table of states against std's containers.
#include <algorithm>
#include <list>
#include <map>

#include "streams/state_table.h"
#include "tests/check.h"
#include "tests/named_keys.h"
#include "tests/sketch.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

// The same by a map and a list of names by use, the least recent first.
struct Plain {
  void put(const std::string& name, std::int64_t now) {
    drop(name);
    order.push_back(name);
    seen[name] = {now, std::prev(order.end())};
  }
  bool drop(const std::string& name) {
    const auto found = seen.find(name);
    if (found == seen.end()) return false;
    order.erase(found->second.second);
    seen.erase(found);
    return true;
  }
  std::size_t expire(std::int64_t oldest, std::size_t most) {
    std::size_t count = 0;
    for (; count < most && !order.empty() && seen[order.front()].first < oldest; ++count) {
      drop(std::string(order.front()));
    }
    return count;
  }

  std::list<std::string> order;
  std::map<std::string, std::pair<std::int64_t, std::list<std::string>::iterator>> seen;
};

void check_same(const Table& table, const Plain& plain) {
  CHECK_EQUAL(table.size(), plain.seen.size());
  for (const auto& [name, each] : plain.seen) {
    const Row row = table.find(key_of(name));
    CHECK(row != kNoRow);
    if (row == kNoRow) continue;
    CHECK_EQUAL(table.entry(row).last_seen, each.first);
    CHECK_EQUAL(text_of(table.key(row)), name);
  }
}

}  // namespace

RECURRA_TEST(any_changes_in_any_order_leave_what_they_leave_of_a_map) {
  Table table;
  Plain plain;
  std::uint64_t drawn = 1;
  const auto draw = [&](std::uint64_t below) {
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return (drawn >> 33) % below;
  };
  for (int k = 0; k < 60'000; ++k) {
    const std::string name = name_of(draw(700));
    const std::uint64_t what = draw(20);
    if (what < 11) {
      table.put(name, k);
      plain.put(name, k);
    } else if (what < 19) {
      CHECK_EQUAL(table.drop(name), plain.drop(name));
    } else {
      const std::size_t most = draw(30);
      CHECK_EQUAL(table.expire(k - 300, most), plain.expire(k - 300, most));
    }
    if (k % 5'000 == 0) check_same(table, plain);
  }
  check_same(table, plain);
}

RECURRA_TEST(a_million_keys_are_found_and_half_of_them_after_the_other_half_has_left) {
  constexpr std::uint64_t kCount = 1'000'000;
  Table table(0);
  char bytes[8];
  const auto key = [&](std::uint64_t k) {
    write_number(static_cast<std::int64_t>(k * k), bytes);
    return Key{bytes, 8, 'i'};
  };
  for (std::uint64_t k = 0; k < kCount; ++k) table.insert(key(k), table.hash(key(k)));
  CHECK_EQUAL(table.size(), kCount);
  CHECK(table.bytes() < 90 * kCount);
  for (std::uint64_t k = 0; k < kCount; k += 2) table.erase(table.find(key(k)));
  std::uint64_t right = 0;
  for (std::uint64_t k = 0; k < kCount; ++k) {
    right += (table.find(key(k)) != kNoRow) == (k % 2 == 1);
  }
  CHECK_EQUAL(right, kCount);
}

RECURRA_TEST(keys_whose_hashes_are_one_are_told_apart) {
  Table table;
  std::vector<std::string> names;
  for (int k = 0; k < 200; ++k) names.push_back(name_of(static_cast<std::uint64_t>(k)));
  const auto found = [&](const std::string& name) {
    for (Row row = 0; row < table.rows(); ++row) {
      if (table.in_use(row) && table.has_key(row, key_of(name))) return row;
    }
    return kNoRow;
  };
  KeyIndex index;
  for (const std::string& name : names) index.insert(0xfffffff0, table.put(name));
  for (std::size_t k = 0; k < names.size(); k += 3) {
    index.erase(0xfffffff0, found(names[k]));
  }
  for (std::size_t k = 0; k < names.size(); ++k) {
    const Row row =
        index.find(0xfffffff0, [&](Row each) { return table.has_key(each, key_of(names[k])); });
    CHECK_EQUAL(row, k % 3 == 0 ? kNoRow : found(names[k]));
  }
}

RECURRA_TEST(text_bytes_and_numbers_of_the_same_bytes_are_three_keys) {
  Table table;
  const std::string bytes = "12345678";
  for (const char kind : {'s', 'b', 'i'}) {
    const Key key = key_of(bytes, kind);
    CHECK_EQUAL(table.find(key), kNoRow);
    table.insert(key, table.hash(key));
  }
  CHECK_EQUAL(table.size(), 3u);
}

RECURRA_TEST(keys_of_every_length_are_kept_to_the_byte) {
  Table table;
  std::vector<std::string> names;
  for (const std::size_t size : {0, 1, 15, 16, 17, 23, 24, 25, 32, 33, 1000, 65'536, 300'000}) {
    names.emplace_back(size, 'a');
    if (size > 0) names.push_back(std::string(size - 1, 'a') + 'b');
  }
  for (const std::string& name : names) table.put(name);
  CHECK_EQUAL(table.size(), names.size());
  for (const std::string& name : names) CHECK(text_of(table.key(table.find(key_of(name)))) == name);
}

RECURRA_TEST(the_room_of_keys_that_left_is_used_again) {
  Table table;
  std::size_t most = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    for (std::uint64_t k = 0; k < 1'000; ++k) {
      table.put(std::to_string(round * 1'000 + k) + std::string(90, 'x'), 0);
    }
    if (round > 0) CHECK_EQUAL(table.expire(1, 1'000), 1'000u);
    most = std::max(most, table.bytes());
  }
  CHECK_EQUAL(table.size(), 1'000u);
  CHECK(table.has("199999" + std::string(90, 'x')));
  CHECK(most < 1'000'000);  // a fifth of it keys; all keys together are 19 MB
}

RECURRA_TEST(states_stay_where_they_are_while_the_table_grows) {
  Table table(24);
  const Row row = table.put("first");
  char* const state = table.state(row);
  std::memcpy(state, "the state of the first.", 24);
  for (std::uint64_t k = 0; k < 5'000; ++k) table.put(name_of(k));
  CHECK_EQUAL(static_cast<void*>(table.state(row)), static_cast<void*>(state));
  CHECK_EQUAL(std::string(table.state(row)), "the state of the first.");
}

RECURRA_TEST(the_least_recently_used_leave_first) {
  Table table;
  for (const char* name : {"a", "b", "c", "d"}) table.put(name);
  table.put("a");
  CHECK_EQUAL(table.evict(2, true), 2u);
  CHECK(table.has("a") && table.has("d"));
  CHECK_EQUAL(table.evict(0, true), 2u);
  CHECK_EQUAL(table.size(), 0u);
  table.put("e");
  CHECK_EQUAL(table.take_dirty().size(), 1u);
}

RECURRA_TEST(what_changed_is_collected_once_and_stays_until_then) {
  Table table;
  for (const char* name : {"a", "b", "c"}) table.put(name);
  CHECK_EQUAL(table.dirty(), 3u);
  CHECK(table.take_dirty() == (std::vector<std::string>{"c", "b", "a"}));
  CHECK_EQUAL(table.dirty(), 0u);
  CHECK(table.take_dirty().empty());
  table.put("b");
  CHECK_EQUAL(table.evict(0, false), 2u);
  CHECK(table.has("b") && !table.has("a"));
  CHECK(table.take_dirty() == std::vector<std::string>{"b"});
  table.put("d");
  table.drop("d");
  CHECK_EQUAL(table.dirty(), 0u);
}

RECURRA_TEST(a_table_without_order_keeps_keys_all_the_same) {
  Table table(8, false);
  for (std::uint64_t k = 0; k < 1'000; ++k) table.put(name_of(k), 1);
  for (std::uint64_t k = 0; k < 1'000; k += 3) CHECK(table.drop(name_of(k)));
  for (std::uint64_t k = 0; k < 1'000; k += 2) table.put(name_of(k), 2);
  for (std::uint64_t k = 0; k < 1'000; ++k)
    CHECK_EQUAL(table.has(name_of(k)), k % 3 > 0 || k % 2 == 0);
  CHECK_EQUAL(table.entry(table.find(key_of(name_of(998)))).last_seen, 2);
  CHECK_EQUAL(table.dirty(), table.size());
}

RECURRA_TEST(hashes_of_keys_that_differ_in_one_byte_lie_apart) {
  std::vector<std::uint32_t> low;
  for (int k = 0; k < 256; ++k) {
    for (const std::size_t place : {0, 7, 15, 16, 31}) {
      std::string name(32, 'a');
      name[place] = static_cast<char>(k);
      low.push_back(hash_of(key_of(name), 1) % 65536);
    }
  }
  std::sort(low.begin(), low.end());
  const auto different = std::unique(low.begin(), low.end()) - low.begin();
  CHECK(different > 1250);  // of 1280, five of which are one key: by chance 12 meet
}

int main() { return checks::run_all(); }
