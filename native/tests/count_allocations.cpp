#include "tests/count_allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace recurra::checks {
namespace {

std::atomic<long> count{0};

void counted() { count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

long allocations() { return count.load(std::memory_order_relaxed); }

}  // namespace recurra::checks

extern "C" long recurra_allocations() { return recurra::checks::allocations(); }

using recurra::checks::counted;

#if defined(RECURRA_SANITIZED)

// A sanitizer's allocator is in the place of the C library's, and tells whoever asks it to.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*,
                                                                  std::size_t),
                                                         void (*)(const volatile void*));

static const int hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { counted(); }, [](const volatile void*) {});

#elif defined(__GLIBC__)

// These stand in front of the C library's; the C++ library's new is built on malloc, and finds ours
// because it can be seen from outside.
#pragma GCC visibility push(default)
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  counted();
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  counted();
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
  counted();
  return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  counted();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }

int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
  *to = memalign(alignment, size);
  return *to == nullptr;
}
}
#pragma GCC visibility pop

#else

void* operator new(std::size_t size) {
  counted();
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif
