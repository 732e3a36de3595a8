// Two threads at one row: each makes half of a wide product's outputs, step after step.
//
// They meet at every product, so nothing sleeps or locks: the second thread waits in a loop for as long
// as the run lasts. Every output is still made by one thread, in the same order, to the same bits.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "kernels/kernels.h"

namespace recurra {

template <class T>
class Team {
 public:
  explicit Team(const Kernels<T>& kernels) : kernels_(kernels) {}

  // Multiply-adds that are worth meeting for.
  static constexpr std::int64_t kWorthMeeting = 400'000;

  // What the second thread does until the first one closes.
  void help() {
    std::uint32_t seen = 0;
    int spins = 0;
    ready_.store(true, std::memory_order_release);
    while (!closed_.load(std::memory_order_acquire)) {
      const std::uint32_t turn = turn_.load(std::memory_order_acquire);
      if (turn == seen) {
        wait(spins);
        continue;
      }
      seen = turn;
      spins = 0;
      run(job_);
      done_.store(turn, std::memory_order_release);
    }
  }
  void close() { closed_.store(true, std::memory_order_release); }

  // product_of_one_row, half of it by the second thread once that is there.
  void product(const T* packed, int n, int k, const T* a, const T* onto, T* out) {
    const int half = n / 2 / kernels_.wide_panel * kernels_.wide_panel;
    if (half == 0 || !ready_.load(std::memory_order_acquire)) {
      run({packed, n, k, a, onto, out});
      return;
    }
    job_ = {packed + static_cast<std::ptrdiff_t>(half) * k,
            n - half,
            k,
            a,
            onto ? onto + half : nullptr,
            out + half};
    const std::uint32_t turn = turn_.load(std::memory_order_relaxed) + 1;
    turn_.store(turn, std::memory_order_release);
    run({packed, half, k, a, onto, out});
    for (int spins = 0; done_.load(std::memory_order_acquire) != turn;) wait(spins);
  }

 private:
  struct Job {
    const T* packed;
    int n, k;
    const T* a;
    const T* onto;
    T* out;
  };

  void run(const Job& job) const {
    kernels_.product_of_one_row(job.packed, job.n, job.k, job.a, job.onto, job.out);
  }
  // A step takes microseconds. Where the other thread has not got a processor in as many, it may have
  // this one's.
  static void wait(int& spins) {
    constexpr int kSpins = 4000;
    if (++spins > kSpins) {
      std::this_thread::yield();
      return;
    }
#if defined(__SSE2__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }

  const Kernels<T>& kernels_;
  Job job_{};
  alignas(64) std::atomic<std::uint32_t> turn_{0};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> ready_{false}, closed_{false};
};

}  // namespace recurra
