// The CRC-32 of zlib, gzip and PNG, eight bytes at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace recurra {
namespace crc_detail {

// tables[k][b]: what byte b does to the sum when k further bytes follow it in a block of eight.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum & 1 ? 0xEDB88320u : 0u);
    tables[0][byte] = sum;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

inline constexpr Tables kTables = make_tables();

}  // namespace crc_detail

// The sum over what `sum` is of (0 is nothing) and then these bytes, as zlib's crc32() goes on.
inline std::uint32_t crc32(std::uint32_t sum, const std::uint8_t* bytes, std::size_t count) {
  const crc_detail::Tables& t = crc_detail::kTables;
  sum = ~sum;
  for (; count >= 8; count -= 8, bytes += 8) {
    std::uint32_t low = 0, high = 0;  // the machine is little-endian, as the store is
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + 4, 4);
    low ^= sum;
    sum = t[7][low & 0xFF] ^ t[6][(low >> 8) & 0xFF] ^ t[5][(low >> 16) & 0xFF] ^ t[4][low >> 24] ^
          t[3][high & 0xFF] ^ t[2][(high >> 8) & 0xFF] ^ t[1][(high >> 16) & 0xFF] ^
          t[0][high >> 24];
  }
  for (; count > 0; --count, ++bytes) sum = (sum >> 8) ^ t[0][(sum ^ *bytes) & 0xFF];
  return ~sum;
}

}  // namespace recurra
