// A table of states, with the batch that is being worked on.
#pragma once

#include <nanobind/nanobind.h>

#include "streams/batch.h"

namespace recurra {

struct TableWithBatch {
  TableWithBatch(const char* start, std::size_t row_bytes, bool ordered, std::uint64_t seed)
      : table(start, row_bytes, ordered, seed), batch(table) {}

  StateTable table;
  Batch batch;
};

void bind_state_table(nanobind::module_& m);
template <class T>
void bind_keyed_stepper(nanobind::module_& m, const char* name);

}  // namespace recurra
