// Keys from Python, as they are looked up.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "streams/batch.h"

namespace recurra {

// Fills a batch with a list or tuple of str, bytes and whole numbers, or an array of int64. The keys'
// bytes stay the objects' own. Gives the place of the first that is no key, or -1.
std::ptrdiff_t take_keys(nanobind::handle keys, Batch& batch);

// Fills a batch with strings that lie one after the other, as Arrow has them: string k is
// data[offsets[k]] to data[offsets[k + 1]]. Gives the place of the first that is not UTF-8, or -1.
template <class Offset>
std::ptrdiff_t take_strings(const Offset* offsets, std::size_t count, const char* data,
                            std::size_t size, bool text, Batch& batch);

// The key of the bytes that recurra.streaming.keys encodes it as, or none.
std::optional<Key> decoded(nanobind::bytes encoded);
nanobind::bytes encoded(const Key& key);

}  // namespace recurra
