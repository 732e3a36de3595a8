// A key as it is looked up: bytes that belong to somebody else, and what they are.
//
//   's'  text, as UTF-8      'b'  bytes      'i'  a whole number: 8 bytes, big-endian, the sign bit
//                                                  flipped, so that they sort as numbers do
//
// Keys come from outside, so the hash is seeded: who does not know the seed cannot make keys that
// meet. It multiplies 64 by 64 bits and folds the 128 bits of the product, 16 bytes of a key at a time.
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

// Writes the 8 bytes of a whole number.
inline void write_number(std::int64_t number, char* bytes) {
  const std::uint64_t flipped = static_cast<std::uint64_t>(number) ^ (std::uint64_t{1} << 63);
  for (int k = 0; k < 8; ++k) bytes[k] = static_cast<char>(flipped >> (56 - 8 * k) & 0xff);
}

inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint32_t hash_of(const Key& key, std::uint64_t seed) {
  constexpr std::uint64_t kOdd[] = {0x9e3779b97f4a7c15, 0xd6e8feb86659fd93, 0xa0761d6478bd642f};
  const auto two_words = [](const char* bytes, std::uint64_t (&words)[2]) {
    std::memcpy(words, bytes, 16);
  };
  std::uint64_t words[2];
  std::uint64_t hash = seed ^ (static_cast<std::uint64_t>(key.kind) * kOdd[0]);
  const char* at = key.data;
  std::uint32_t left = key.size;
  for (; left > 16; left -= 16, at += 16) {
    two_words(at, words);
    hash = folded_product(words[0] ^ kOdd[1], words[1] ^ hash);
  }
  char tail[16] = {};
  if (left > 0) std::memcpy(tail, at, left);
  two_words(tail, words);
  hash = folded_product(words[0] ^ kOdd[1], words[1] ^ hash);
  hash = folded_product(hash ^ key.size, seed ^ kOdd[2]);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace recurra
