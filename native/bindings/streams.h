// Weights that are packed once, and steps over states that are kept in place.
#pragma once

#include <nanobind/nanobind.h>

namespace recurra {

template <class T>
void bind_streams(nanobind::module_& m, const char* weights_name, const char* stepper_name);

}  // namespace recurra
