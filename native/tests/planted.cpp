// One fault, named by the argument, which the checks and sanitizers must notice.
#include <cstring>
#include <memory>
#include <thread>

#include "tests/check.h"

namespace {

void write_past_the_end() {
  const std::unique_ptr<float[]> numbers(new float[16]);
  volatile int end = 16;
  numbers[end] = 1.0f;
}

void overflow_an_integer() {
  volatile int largest = 0x7fffffff;
  largest = largest + 1;
}

void write_from_two_threads() {
  int shared = 0;
  const auto count = [&shared] {
    for (int k = 0; k < 1000; ++k) ++*const_cast<volatile int*>(&shared);
  };
  std::thread other(count);
  count();
  other.join();
}

}  // namespace

int main(int argc, char** argv) {
  const char* fault = argc > 1 ? argv[1] : "";
  if (std::strcmp(fault, "check") == 0) CHECK_EQUAL(1 + 1, 3);
  if (std::strcmp(fault, "address") == 0) write_past_the_end();
  if (std::strcmp(fault, "undefined") == 0) overflow_an_integer();
  if (std::strcmp(fault, "thread") == 0) write_from_two_threads();
  return recurra::checks::run_all();
}
