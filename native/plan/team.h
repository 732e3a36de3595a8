// Two threads at one row: each makes half of a wide product's outputs, step after step.
//
// They meet at every product, so nothing sleeps or locks: the second thread waits in a loop for as long
// as the run lasts. Every output is still made by one thread, in the same order, to the same bits.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "plan/one_row.h"

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
      run_chain(kernels_, job_.chain, job_.from, job_.chain.outputs(), job_.last_panel_first);
      done_.store(turn, std::memory_order_release);
    }
  }
  void close() { closed_.store(true, std::memory_order_release); }

  // A chain of products, half of their outputs by the second thread once that is there.
  void run(const Chain<T>& chain, bool last_panel_first) {
    const int n = chain.outputs(), half = n / 2 / kernels_.wide_panel * kernels_.wide_panel;
    if (half == 0 || !ready_.load(std::memory_order_acquire)) {
      run_chain(kernels_, chain, 0, n, last_panel_first);
      return;
    }
    job_ = {chain, half, last_panel_first};
    const std::uint32_t turn = turn_.load(std::memory_order_relaxed) + 1;
    turn_.store(turn, std::memory_order_release);
    run_chain(kernels_, chain, 0, half, last_panel_first);
    for (int spins = 0; done_.load(std::memory_order_acquire) != turn;) wait(spins);
  }

 private:
  struct Job {
    Chain<T> chain;
    int from;
    bool last_panel_first;
  };

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
