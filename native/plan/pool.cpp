#include "plan/pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "plan/floating_point.h"

namespace recurra {
namespace {

// What OMP_NUM_THREADS says, as other libraries take it, or as many as there are processors.
int threads_at_first() {
  const char* named = std::getenv("OMP_NUM_THREADS");
  const int asked = named == nullptr ? 0 : std::atoi(named);
  return asked > 0 ? asked : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::atomic<int>& allowed() {
  static std::atomic<int> count{threads_at_first()};
  return count;
}

class Pool {
 public:
  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      leaving_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(int parts, const std::function<void(int)>& task) {
    grow(parts - 1);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      task_ = &task;
      parts_ = parts;
      error_ = nullptr;
      waiting_.store(parts - 1, std::memory_order_relaxed);
      ++round_;
    }
    wake_.notify_all();
    std::exception_ptr error;
    try {
      task(0);
    } catch (...) {
      error = std::current_exception();
    }
    for (int spins = 0; waiting_.load(std::memory_order_acquire) != 0; ++spins) {
      if (spins < kSpins) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return waiting_.load(std::memory_order_acquire) == 0; });
    }
    if (!error) error = error_;
    if (error) std::rethrow_exception(error);
  }

 private:
  static constexpr int kSpins =
      20000;  // some ten microseconds, about what it takes to sleep and wake

  void grow(int count) {
    while (static_cast<int>(workers_.size()) < count) {
      const int place = static_cast<int>(workers_.size()) + 1;
      workers_.emplace_back([this, place, seen = round_.load()] { work(place, seen); });
    }
  }

  void work(int place, unsigned seen) {
    for (;;) {
      for (int spins = 0; spins < kSpins && round_.load(std::memory_order_relaxed) == seen;
           ++spins) {
      }
      const std::function<void(int)>* task = nullptr;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return leaving_ || round_ != seen; });
        if (leaving_) return;
        seen = round_;
        if (place >= parts_) continue;
        task = task_;
      }
      std::exception_ptr error;
      try {
        const FloatingPointMode mode;
        (*task)(place);
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      if (error) error_ = error;
      if (waiting_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(int)>* task_ = nullptr;
  std::exception_ptr error_;
  std::atomic<unsigned> round_{0};
  std::atomic<int> waiting_{0};
  int parts_ = 0;
  bool leaving_ = false;
};

// Held by the call that has the pool. Both are never freed: threads may outlive static objects.
std::mutex& in_use() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}
std::unique_ptr<Pool>& pool() {
  static std::unique_ptr<Pool>* shared = [] {
    // A forked child has none of its parent's threads: it starts with a pool of its own.
    pthread_atfork([] { in_use().lock(); }, [] { in_use().unlock(); },
                   [] {
                     (void)pool().release();
                     pool().reset(new Pool);
                     in_use().unlock();
                   });
    return new std::unique_ptr<Pool>(new Pool);
  }();
  return *shared;
}

thread_local bool inside = false;

}  // namespace

int threads() { return allowed().load(std::memory_order_relaxed); }

void set_threads(int count) { allowed().store(count, std::memory_order_relaxed); }

void parallel(int parts, const std::function<void(int)>& task) {
  if (parts > 1 && !inside) {
    std::unique_ptr<Pool>& shared = pool();
    std::unique_lock<std::mutex> lock(in_use(), std::try_to_lock);
    if (lock.owns_lock()) {
      inside = true;
      struct Leave {
        ~Leave() { inside = false; }
      } leave;
      shared->run(parts, task);
      return;
    }
  }
  for (int part = 0; part < parts; ++part) task(part);
}

}  // namespace recurra
