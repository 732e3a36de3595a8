// Weights that are packed once, and steps over states that are kept in place.
#pragma once

#include <memory>
#include <vector>

#include "bindings/numpy_api.h"
#include "plan/run.h"
#include "plan/stepper.h"

namespace recurra {

template <class T>
struct PlanWithMemory {
  Plan<T> plan;
  Memories memories;
};

template <class T>
void bind_streams(nanobind::module_& m, const char* weights_name, const char* stepper_name);

}  // namespace recurra
