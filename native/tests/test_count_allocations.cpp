// The counter counts: a test that finds no allocation has looked.
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "tests/check.h"
#include "tests/count_allocations.h"

using recurra::checks::allocations;

namespace {

// Out of the compiler's sight, which may leave out memory that nobody reads.
template <class T>
T* kept(T* memory) {
  asm volatile("" : : "r"(memory) : "memory");
  return memory;
}

template <class Work>
long allocations_of(Work work) {
  const long before = allocations();
  work();
  return allocations() - before;
}

}  // namespace

RECURRA_TEST(arithmetic_allocates_nothing) {
  volatile double x = 1.0;
  CHECK_EQUAL(allocations_of([&] { x = x * 2.0; }), 0);
}

RECURRA_TEST(new_is_counted) {
  CHECK_EQUAL(allocations_of([] { delete kept(new int(3)); }), 1);
}

RECURRA_TEST(malloc_is_counted) {
  CHECK_EQUAL(allocations_of([] { std::free(kept(std::malloc(64))); }), 1);
}

RECURRA_TEST(new_of_an_aligned_type_is_counted) {
  struct alignas(64) Line {
    float numbers[16];
  };
  CHECK_EQUAL(allocations_of([] { delete kept(new Line); }), 1);
}

RECURRA_TEST(a_vector_that_grows_is_counted) {
  std::vector<int> numbers;
  CHECK_EQUAL(allocations_of([&] { kept(&numbers)->reserve(100); }), 1);
  CHECK_EQUAL(allocations_of([&] { kept(&numbers)->assign(100, 0); }), 0);
}

RECURRA_TEST(other_threads_are_counted) {
  CHECK(allocations_of([] { std::thread([] { delete kept(new int(3)); }).join(); }) >= 1);
}

int main() { return recurra::checks::run_all(); }
