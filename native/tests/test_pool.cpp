// Threads that wait for work: all of it is done, once, whoever calls from where.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "plan/pool.h"
#include "tests/check.h"

using recurra::parallel;

namespace {

// Not atomic: every part writes a place of its own, and the caller reads them all.
std::vector<int> parts_done(int parts) {
  std::vector<int> done(static_cast<std::size_t>(parts), 0);
  parallel(parts, [&](int part) { ++done[static_cast<std::size_t>(part)]; });
  return done;
}

}  // namespace

RECURRA_TEST(every_part_is_done_once) {
  for (int parts : {0, 1, 2, 3, 8}) {
    CHECK(parts_done(parts) == std::vector<int>(static_cast<std::size_t>(parts), 1));
  }
}

RECURRA_TEST(a_round_sees_what_the_round_before_has_written) {
  std::vector<int> numbers(4, 0), before(4, 0);
  for (int round = 0; round < 2000; ++round) {
    before.swap(numbers);
    parallel(4, [&](int part) {
      const auto place = static_cast<std::size_t>(part);
      numbers[place] = before[3 - place] + 1;
    });
  }
  CHECK(numbers == std::vector<int>(4, 2000));
}

RECURRA_TEST(a_part_may_ask_for_parts) {
  std::atomic<int> done{0};
  parallel(3, [&](int) { parallel(3, [&](int) { ++done; }); });
  CHECK_EQUAL(done.load(), 9);
}

RECURRA_TEST(an_error_of_any_part_comes_out) {
  for (int bad : {0, 1, 2}) {
    std::string caught;
    try {
      parallel(3, [&](int part) {
        if (part == bad) throw std::runtime_error("part");
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK_EQUAL(caught, std::string("part"));
    CHECK(parts_done(3) == std::vector<int>(3, 1));
  }
}

RECURRA_TEST(two_threads_may_call_at_once) {
  std::vector<std::thread> callers;
  std::atomic<int> done{0};
  for (int caller = 0; caller < 2; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        for (int each : parts_done(3)) done += each;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK_EQUAL(done.load(), 2 * 200 * 3);
}

RECURRA_TEST(there_is_always_the_callers_thread) {
  const int before = recurra::threads();
  for (int count : {0, -3}) {
    recurra::set_threads(count);
    CHECK_EQUAL(recurra::threads(), 1);
  }
  recurra::set_threads(before);
}

#ifndef RECURRA_SANITIZED  // the thread sanitizer refuses threads in the child of a threaded process
RECURRA_TEST(a_fork_after_threads_started_works_on) {
  parts_done(4);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(parts_done(4) == std::vector<int>(4, 1) ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
}
#endif

int main() { return recurra::checks::run_all(); }
