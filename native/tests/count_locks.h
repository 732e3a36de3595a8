// How often the engine or a test has taken a mutex. Counted where RECURRA_COUNTS_LOCKS says that the
// linker puts a function of ours in front of the C library's (-Wl,--wrap=pthread_mutex_lock).
#pragma once

#include <pthread.h>

#include <atomic>

namespace recurra::checks {

inline std::atomic<long> locks{0};

}  // namespace recurra::checks

#if defined(RECURRA_COUNTS_LOCKS)
extern "C" {

int __real_pthread_mutex_lock(pthread_mutex_t* mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  recurra::checks::locks.fetch_add(1, std::memory_order_relaxed);
  return __real_pthread_mutex_lock(mutex);
}
}
#endif
