// A key as it is looked up: bytes that belong to somebody else, and what they are.
//
//   's'  text, as UTF-8      'b'  bytes      'i'  a whole number: 8 bytes, big-endian, the sign bit
//                                                  flipped, so that they sort as numbers do
//
// Keys come from outside, so the hash is seeded: who does not know the seed cannot make keys that
// meet. It multiplies 64 by 64 bits and folds the 128 bits of the product, 16 bytes of a key at a time.
// For little-endian machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace recurra {

struct Key {
  const char* data = nullptr;
  std::uint32_t size = 0;
  char kind = 's';
};

inline constexpr std::uint32_t kLongestKey = 1u << 31;

inline std::uint64_t word_at(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

// The first and the last bytes of up to 16, overlapping where they are fewer: no call, no loop.
struct Ends {
  std::uint64_t first = 0, last = 0;
};

inline Ends ends_of(const char* bytes, std::uint32_t size) {
  if (size >= 8) return {word_at(bytes), word_at(bytes + size - 8)};
  if (size >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, bytes, 4);
    std::memcpy(&last, bytes + size - 4, 4);
    return {first, last};
  }
  if (size == 0) return {};
  const auto byte = [&](std::uint32_t k) { return static_cast<unsigned char>(bytes[k]); };
  return {byte(0) | std::uint64_t{byte(size / 2)} << 8, byte(size - 1)};
}

inline bool same_bytes(const char* a, const char* b, std::uint32_t size) {
  for (; size > 16; size -= 16, a += 16, b += 16) {
    if (word_at(a) != word_at(b) || word_at(a + 8) != word_at(b + 8)) return false;
  }
  const Ends of_a = ends_of(a, size), of_b = ends_of(b, size);
  return of_a.first == of_b.first && of_a.last == of_b.last;
}

// Writes the 8 bytes of a whole number.
inline void write_number(std::int64_t number, char* bytes) {
  const std::uint64_t flipped = static_cast<std::uint64_t>(number) ^ (std::uint64_t{1} << 63);
  const std::uint64_t big_endian = __builtin_bswap64(flipped);
  std::memcpy(bytes, &big_endian, 8);
}

inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint32_t hash_of(const Key& key, std::uint64_t seed) {
  constexpr std::uint64_t kOdd[] = {0x9e3779b97f4a7c15, 0xd6e8feb86659fd93, 0xa0761d6478bd642f};
  std::uint64_t hash = seed ^ (static_cast<std::uint64_t>(key.kind) * kOdd[0]);
  const char* at = key.data;
  std::uint32_t left = key.size;
  for (; left > 16; left -= 16, at += 16) {
    hash = folded_product(word_at(at) ^ kOdd[1], word_at(at + 8) ^ hash);
  }
  const Ends ends = ends_of(at, left);
  hash = folded_product(ends.first ^ kOdd[1], ends.last ^ hash);
  hash = folded_product(hash ^ key.size, seed ^ kOdd[2]);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace recurra
