// Threads that wait for work. Every piece of work is divided the same way however many there are, so
// results do not depend on their number.
#pragma once

#include <functional>

namespace recurra {

// Threads that a call may use, the caller's among them; at least 1.
int threads();
void set_threads(int count);

// Calls task(0) ... task(parts - 1), the first on this thread. Returns when all are done. A call from
// within a task, or while another thread's call has the pool, runs every part on this thread.
void parallel(int parts, const std::function<void(int)>& task);

}  // namespace recurra
