// Whether the file of an LMDB 0.9 environment is whole, before LMDB sees it: LMDB trusts its pages, and
// a damaged one can end the process or hide a key.
//
// Walked are both trees of the newest transaction, that of the records and that of the free pages.
// Every page lies in the file, says its own number, is reached once, and is either in use or free;
// every node lies in its page; keys ascend, within the bounds that the pages above give; what the
// meta page counts is what is there; and every record's checksum is that of its key and contents:
//
//   record    CRC-32 of the key and of all that follows, as a uint32, little-endian; contents
//
// One record, "\0commit", has as its contents the number of the transaction that wrote it last, as a
// uint64. It shows that neither meta page names a transaction that is not its own: LMDB takes what
// belongs to the larger number.
//
// So one altered bit is either noticed or in bytes that nobody reads. For 64-bit little-endian
// machines, as the file itself is for the machine that wrote it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace recurra {

struct StoreFile {
  std::string problem;  // empty where there is none
  std::uint64_t pages = 0;
  std::uint64_t free_pages = 0;
  std::uint64_t records = 0;
  std::uint64_t transaction = 0;
};

// Reads all that is in use. Bytes may be anything at all; nothing outside of them is read.
StoreFile check_store_file(const std::uint8_t* bytes, std::size_t count);

// Looks only at the first two pages, the meta pages.
StoreFile check_store_head(const std::uint8_t* bytes, std::size_t count);

}  // namespace recurra
