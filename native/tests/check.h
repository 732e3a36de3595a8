// Checks of the C++ tests. A failed one says where it stands and what was found; the rest goes on.
//
//   RECURRA_TEST(a_sum_of_nothing_is_zero) { CHECK_EQUAL(sum({}), 0.0); }
//
//   int main() { return recurra::checks::run_all(); }
//
// Not for bodies compiled for an instruction set: the linker keeps one copy of an inline function,
// perhaps the one that this processor cannot run.
#pragma once

#include <cstdio>
#include <iostream>
#include <vector>

namespace recurra::checks {

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test> tests;
inline int failures = 0;

struct Registered {
  Registered(const char* name, void (*body)()) { tests.push_back({name, body}); }
};

inline void fail(const char* file, int line, const char* what) {
  ++failures;
  std::fflush(stdout);
  std::cerr << file << ':' << line << ": " << what << std::endl;
}

template <class Got, class Wanted>
void check_equal(const Got& got, const Wanted& wanted, const char* file, int line,
                 const char* what) {
  if (got == wanted) return;
  fail(file, line, what);
  std::cerr << "  got " << got << ", wanted " << wanted << std::endl;
}

inline int run_all() {
  for (const Test& test : tests) {
    const int before = failures;
    test.body();
    std::printf("%s %s\n", failures == before ? "ok    " : "FAILED", test.name);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace recurra::checks

#define RECURRA_TEST(name)                                          \
  static void name();                                               \
  static const recurra::checks::Registered name##_test{#name, name}; \
  static void name()

#define CHECK(condition) \
  ((condition) ? void() : recurra::checks::fail(__FILE__, __LINE__, "CHECK(" #condition ")"))
#define CHECK_EQUAL(got, wanted)                                  \
  recurra::checks::check_equal((got), (wanted), __FILE__, __LINE__, \
                               "CHECK_EQUAL(" #got ", " #wanted ")")
