// What every plan obeys before anything of it touches memory: it is the last to look.
#pragma once

#include <stdexcept>
#include <string>

#include "plan/plan.h"

namespace recurra {

inline void demand(bool fine, const char* what) {
  if (!fine) throw std::invalid_argument(std::string("plan: ") + what);
}

// Throws std::invalid_argument, naming the rule that is broken.
template <class T>
void check_plan(const Plan<T>& plan);

}  // namespace recurra
