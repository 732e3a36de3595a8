#include "bindings/state_table.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <random>

#include "bindings/keys.h"
#include "bindings/weights.h"

// A value, as the store has it, is when a key was last seen and then its state, little-endian.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

namespace recurra {
namespace {

using nb::literals::operator""_a;
using Bytes = Rowed<std::uint8_t, 1>;
using States = Rowed<std::uint8_t, 2>;
using Times = Rowed<std::int64_t, 1>;

constexpr std::size_t kTime = sizeof(std::int64_t);

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

const char* chars(const std::uint8_t* bytes) { return reinterpret_cast<const char*>(bytes); }

void copy(char* to, const char* from, std::size_t count) {
  if (count > 0) std::memcpy(to, from, count);
}

// The table as Python sees it. Whatever changes it by other ways than the batch ends the batch.
class PythonTable : public TableWithBatch {
 public:
  PythonTable(const Bytes& start, bool ordered)
      : TableWithBatch(chars(start.data()), start.size(), ordered, random_seed()) {}

  std::int64_t find(nb::handle keys, std::int64_t oldest) {
    return resolved(take_keys(keys, batch), keys_in(keys), oldest);
  }

  template <class Offset>
  std::int64_t find_strings(const Rowed<Offset, 1>& offsets, const Bytes& data, bool text,
                            std::int64_t oldest) {
    demand(offsets.size() > 0, "there are no offsets of strings");
    const std::size_t count = offsets.size() - 1;
    return resolved(
        take_strings(offsets.data(), count, chars(data.data()), data.size(), text, batch), count,
        oldest);
  }

  nb::list fresh_keys() const {
    nb::list keys;
    for (const std::uint32_t k : batch.fresh()) keys.append(encoded(table.key(batch.row(k))));
    return keys;
  }

  std::pair<std::int64_t, std::int64_t> load(const nb::list& values, std::int64_t oldest) {
    demand(values.size() == batch.fresh().size(), "there is not one value for each fresh key");
    std::int64_t taken = 0, newest = oldest;
    for (std::size_t k = 0; k < batch.fresh().size(); ++k) {
      if (values[k].is_none()) continue;
      const auto value = nb::cast<Bytes>(values[k]);
      demand(value.size() == kTime + table.row_bytes(), "a value has another size");
      std::int64_t last_seen;
      std::memcpy(&last_seen, value.data(), kTime);
      if (last_seen < oldest) continue;
      copy(batch.after(batch.fresh()[k]), chars(value.data()) + kTime, table.row_bytes());
      newest = std::max(newest, last_seen);
      ++taken;
    }
    return {taken, newest};
  }

  nb::object positions() const {
    const auto [array, values] =
        fresh<std::int64_t>({static_cast<std::int64_t>(batch.events())}, NPY_INT64);
    for (std::size_t k = 0; k < batch.events(); ++k) values[k] = batch.position(k);
    return array;
  }

  nb::object gather() const {
    const std::size_t size = table.row_bytes();
    const auto [array, rows] = fresh<char>(
        {static_cast<std::int64_t>(batch.keys()), static_cast<std::int64_t>(size)}, NPY_UINT8);
    for (std::uint32_t k = 0; k < batch.keys(); ++k) copy(rows + k * size, batch.before(k), size);
    return array;
  }

  void scatter(const States& states, std::int64_t now) {
    const std::size_t size = table.row_bytes();
    demand(states.shape(0) == batch.keys() && states.shape(1) == size, "states have another shape");
    for (std::uint32_t k = 0; k < batch.keys(); ++k) {
      copy(batch.after(k), chars(states.data()) + k * size, size);
    }
    batch.finish(now);
  }

  void put(const nb::list& keys, const States& states, const Times& last_seen) {
    batch.abandon();
    const std::size_t size = table.row_bytes();
    demand(states.shape(0) == keys.size() && states.shape(1) == size &&
               last_seen.shape(0) == keys.size(),
           "there is not one state and time for each key");
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const Key key = key_in(nb::cast<nb::bytes>(keys[k]));
      const std::uint32_t hash = table.hash(key);
      Row row = table.find(key, hash);
      if (row == kNoRow) row = table.insert(key, hash);
      copy(table.state(row), chars(states.data()) + k * size, size);
      table.touch(row, last_seen.data()[k]);
    }
  }

  std::optional<nb::bytes> get(const nb::bytes& key) const {
    const Row row = table.find(key_in(key));
    if (row == kNoRow) return std::nullopt;
    const std::size_t size = kTime + table.row_bytes();
    PyObject* value = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size));
    if (value == nullptr) throw nb::python_error();
    write_value(row, PyBytes_AS_STRING(value));
    return nb::steal<nb::bytes>(value);
  }

  bool contains(const nb::bytes& key) const { return table.find(key_in(key)) != kNoRow; }

  std::size_t drop(const nb::list& keys) {
    batch.abandon();
    std::size_t dropped = 0;
    for (const nb::handle each : keys) {
      const Row row = table.find(key_in(nb::cast<nb::bytes>(each)));
      if (row == kNoRow) continue;
      table.erase(row);
      ++dropped;
    }
    return dropped;
  }

  std::size_t expire(std::int64_t oldest, std::size_t most) {
    start_by_use();
    return table.expire(oldest, most);
  }

  std::size_t evict(std::size_t keep, bool dirty) {
    start_by_use();
    return table.evict(keep, dirty);
  }

  nb::tuple collect() {
    start_by_use();
    const std::size_t size = kTime + table.row_bytes();
    nb::list keys;
    const auto [block, values] =
        fresh<char>({static_cast<std::int64_t>(table.dirty() * size)}, NPY_UINT8);
    char* at = values;
    table.each_dirty([&](Row row) {
      keys.append(encoded(table.key(row)));
      write_value(row, at);
      at += size;
    });
    return nb::make_tuple(keys, block);
  }

  std::pair<std::size_t, nb::list> page(std::size_t start, std::size_t count,
                                        std::int64_t oldest) const {
    nb::list keys;
    const std::size_t end =
        start + std::min(count, table.rows() - std::min<std::size_t>(start, table.rows()));
    for (std::size_t k = start; k < end; ++k) {
      const Row row = static_cast<Row>(k);
      if (table.in_use(row) && table.entry(row).last_seen >= oldest) {
        keys.append(encoded(table.key(row)));
      }
    }
    return {end < table.rows() ? end : 0, keys};
  }

 private:
  void start_by_use() {
    demand(table.ordered(), "the table is not ordered by use");
    batch.abandon();
  }

  static std::size_t keys_in(nb::handle keys) { return nb::len(keys); }

  static Key key_in(const nb::bytes& encoded) {
    const std::optional<Key> key = decoded(encoded);
    demand(key.has_value(), "these bytes are not those of a key");
    return *key;
  }

  std::int64_t resolved(std::ptrdiff_t wrong, std::size_t events, std::int64_t oldest) {
    batch.abandon();
    if (wrong >= 0) return -1 - wrong;
    batch.resolve(events, oldest);
    return static_cast<std::int64_t>(batch.fresh().size());
  }

  void write_value(Row row, char* to) const {
    std::memcpy(to, &table.entry(row).last_seen, kTime);
    copy(to + kTime, table.state(row), table.row_bytes());
  }
};

}  // namespace

void bind_state_table(nb::module_& m) {
  nb::class_<TableWithBatch>(m, "TableWithBatch");
  nb::class_<PythonTable, TableWithBatch>(m, "StateTable", R"(States by key.

`find` resolves a batch of keys, `load` takes stored states for new ones, `gather` and `scatter` or a
keyed stepper move the states on: from then on the batch counts. Other keys are encoded. Not for two threads at once.)")
      .def(
          nb::init<const Bytes&, bool>(), "start"_a, "ordered"_a,
          "start: the bytes of H_0. ordered: whether to know which keys were used last, as expire, "
          "evict and collect need it.")
      .def("__len__", [](const PythonTable& self) { return self.table.size(); })
      .def("__contains__", &PythonTable::contains, "key"_a)
      .def_prop_ro(
          "dirty", [](const PythonTable& self) { return self.table.dirty(); },
          "How many keys have a state that was not collected.")
      .def_prop_ro(
          "size", [](const PythonTable& self) { return self.table.bytes(); },
          "Bytes in memory for keys and states.")
      .def("find", &PythonTable::find, "keys"_a, "oldest"_a,
           "Resolve a batch: a list, a tuple or an array of int64, with keys last seen before "
           "`oldest` at H_0. How many were not here, or -1 - k where keys[k] is no key.")
      .def("find_strings", &PythonTable::find_strings<std::int32_t>, "offsets"_a, "data"_a,
           "text"_a, "oldest"_a)
      .def("find_strings", &PythonTable::find_strings<std::int64_t>, "offsets"_a, "data"_a,
           "text"_a, "oldest"_a, "The same for strings that lie one after the other.")
      .def("fresh", &PythonTable::fresh_keys, nb::sig("def fresh(self) -> list[bytes]"),
           "The keys of the batch that were not here.")
      .def("load", &PythonTable::load, "values"_a, "oldest"_a,
           "Take stored values for them, or None; those last seen before `oldest` are not taken. "
           "How many were, and when the newest was last seen.")
      .def("positions", &PythonTable::positions,
           nb::sig("def positions(self) -> NDArray[numpy.int64]"),
           "For each event of the batch, the place of its key among the distinct ones.")
      .def("gather", &PythonTable::gather, nb::sig("def gather(self) -> NDArray[numpy.uint8]"),
           "The states (distinct, bytes) of the batch's keys.")
      .def("scatter", &PythonTable::scatter, "states"_a, "now"_a,
           "Set them; the batch counts from then on.")
      .def(
          "abandon", [](PythonTable& self) { self.batch.abandon(); },
          "A batch that does not count yet was never there.")
      .def("put", &PythonTable::put, "keys"_a, "states"_a, "last_seen"_a,
           "Set the states of some keys.")
      .def("get", &PythonTable::get, "key"_a,
           "When it was last seen and its state, as one value; None where it is not here.")
      .def("drop", &PythonTable::drop, "keys"_a, "Let go of some keys; how many were here.")
      .def("expire", &PythonTable::expire, "oldest"_a, "most"_a,
           "Drop keys last seen before `oldest`, at most so many; how many it were.")
      .def("evict", &PythonTable::evict, "keep"_a, "dirty"_a,
           "Drop the least recently used keys until so many are left; dirty ones only if told so.")
      .def("collect", &PythonTable::collect,
           nb::sig("def collect(self) -> tuple[list[bytes], NDArray[numpy.uint8]]"),
           "The dirty keys and their values, one after the other; they are clean from then on.")
      .def(
          "page", &PythonTable::page,
          nb::sig("def page(self, start: int, count: int, oldest: int) -> tuple[int, list[bytes]]"),
          "start"_a, "count"_a, "oldest"_a,
          "The place after some rows, 0 at the end, and those of their keys that were seen since "
          "`oldest`.");
}

}  // namespace recurra
