// The check of a store's file.
#pragma once

#include <nanobind/nanobind.h>

namespace recurra {

void bind_store(nanobind::module_& m);

}  // namespace recurra
