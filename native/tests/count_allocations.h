// How often this program has asked for memory, in any of its threads, by new or malloc or in a library.
#pragma once

namespace recurra::checks {

long allocations();

}  // namespace recurra::checks
