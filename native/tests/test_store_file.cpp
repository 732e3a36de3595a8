// The check of a store's file: sums that are known, and bytes that mean nothing or nearly something.
// Files that LMDB wrote, and each kind of damage to them, are tried from Python.
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "store/crc32.h"
#include "store/lmdb_file.h"
#include "tests/check.h"

using namespace recurra;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPage = 4096;

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

// Two meta pages whose trees start at pages 2 and 3, and then pages of noise that are said to be of
// one kind, so that the walk goes on into them.
Bytes nearly_a_store(std::mt19937& draw, std::size_t pages) {
  Bytes bytes(pages * kPage);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(draw());
  for (std::size_t k = 0; k < 2; ++k) {
    const std::size_t page = k * kPage, meta = page + 16;
    put<std::uint64_t>(bytes, page, k);
    put<std::uint16_t>(bytes, page + 10, 8);
    put<std::uint32_t>(bytes, meta, 0xBEEFC0DE);
    put<std::uint32_t>(bytes, meta + 4, 1);
    for (const std::size_t tree : {meta + 24, meta + 72}) {
      put<std::uint16_t>(bytes, tree + 4, tree == meta + 24 ? 8 : 0);
      put<std::uint16_t>(bytes, tree + 6, static_cast<std::uint16_t>(1 + draw() % 3));
      put<std::uint64_t>(bytes, tree + 40, 2 + draw() % pages);
    }
    put<std::uint32_t>(bytes, meta + 24, kPage);
    put<std::uint64_t>(bytes, meta + 120, pages - 1);
    put<std::uint64_t>(bytes, meta + 128, k == 0 ? 0 : 1);
  }
  for (std::size_t k = 2; k < pages; ++k) {
    const std::uint16_t kinds[] = {1, 2, 4};
    put<std::uint64_t>(bytes, k * kPage, k);
    put<std::uint16_t>(bytes, k * kPage + 10, kinds[draw() % 3]);
    put<std::uint16_t>(bytes, k * kPage + 12, static_cast<std::uint16_t>(16 + 2 * (draw() % 9)));
    put<std::uint16_t>(bytes, k * kPage + 14, static_cast<std::uint16_t>(40 + draw() % 4056));
    for (std::size_t node = 0; node < 9; ++node) {
      put<std::uint16_t>(bytes, k * kPage + 16 + 2 * node,
                         static_cast<std::uint16_t>(draw() % 4 ? draw() % kPage : draw()));
    }
  }
  return bytes;
}

}  // namespace

RECURRA_TEST(a_known_text_has_the_known_sum) {
  const std::string text = "123456789";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  CHECK_EQUAL(crc32(0, bytes, text.size()), 0xCBF43926u);
  for (std::size_t k = 0; k <= text.size(); ++k) {
    CHECK_EQUAL(crc32(crc32(0, bytes, k), bytes + k, text.size() - k), 0xCBF43926u);
  }
  CHECK_EQUAL(crc32(0, bytes, 0), 0u);
}

RECURRA_TEST(noise_of_any_length_is_refused) {
  std::mt19937 draw(1);
  for (std::size_t size = 0; size < 400; ++size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(draw());
    CHECK(!check_store_file(bytes.data(), bytes.size()).problem.empty());
    CHECK(!check_store_head(bytes.data(), bytes.size()).problem.empty());
  }
}

// Each in memory of exactly its size, so that the address sanitizer sees a byte too far.
RECURRA_TEST(noise_that_looks_like_pages_is_refused_and_nothing_beyond_it_is_read) {
  std::mt19937 draw(2);
  for (int k = 0; k < 3000; ++k) {
    Bytes bytes = nearly_a_store(draw, 3 + draw() % 6);
    bytes.resize(bytes.size() - draw() % (2 * kPage));
    bytes.shrink_to_fit();
    CHECK(!check_store_file(bytes.data(), bytes.size()).problem.empty());
  }
}

int main() { return checks::run_all(); }
