#include "store/lmdb_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "store/crc32.h"

namespace recurra {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u32 kMagic = 0xBEEFC0DE, kVersion = 1;
constexpr u64 kNoPage = ~u64{0};
constexpr u64 kMetaPages = 2;
constexpr std::size_t kPageHeader = 16, kNodeHeader = 8, kMetaEnd = kPageHeader + 136;
constexpr std::size_t kSmallestPage = 512, kLargestPage = 32768;
constexpr int kDeepest = 32;
constexpr u16 kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMeta = 0x08;  // of a page
constexpr u16 kElsewhere = 0x01;    // of a node: its contents have pages of their own
constexpr u16 kIntegerKeys = 0x08;  // of a tree

struct Damage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void damaged(u64 page, const char* what) {
  throw Damage("page " + std::to_string(page) + ": " + what);
}

void demand(bool fine, u64 page, const char* what) {
  if (!fine) damaged(page, what);
}

template <class T>
T read(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

struct Bytes {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

struct Tree {
  u16 flags, depth;
  u64 branches, leaves, overflows, entries, root;
};

struct Meta {
  u32 page_size;
  Tree free, records;
  u64 last_page, transaction;
};

Tree read_tree(const std::uint8_t* at) {
  return {read<u16>(at + 4),  read<u16>(at + 6),  read<u64>(at + 8), read<u64>(at + 16),
          read<u64>(at + 24), read<u64>(at + 32), read<u64>(at + 40)};
}

Meta read_meta(const std::uint8_t* page, u64 number) {
  const std::uint8_t* meta = page + kPageHeader;
  if (read<u32>(meta) != kMagic) {
    throw Damage("it is not an LMDB file, or its first pages are overwritten");
  }
  if (read<u32>(meta + 4) != kVersion) throw Damage("it is of another version of LMDB's format");
  demand(read<u64>(page) == number && read<u16>(page + 10) == kMeta, number, "is no meta page");
  return {read<u32>(meta + 24), read_tree(meta + 24), read_tree(meta + 72), read<u64>(meta + 120),
          read<u64>(meta + 128)};
}

struct Metas {
  Meta newer, older;
};

// A transaction writes the two meta pages in turn, so that they are one apart; where they are not,
// LMDB would take an older state of all for the newest.
Metas read_metas(const std::uint8_t* bytes, std::size_t count) {
  if (count < kMetaEnd) throw Damage("it is truncated: it ends within its first page");
  const Meta first = read_meta(bytes, 0);
  const std::size_t size = first.page_size;
  const bool sound = size >= kSmallestPage && size <= kLargestPage && (size & (size - 1)) == 0;
  demand(sound, 0, "says that pages have a size that they cannot have");
  if (count < size + kMetaEnd) throw Damage("it is truncated: it ends within its first pages");
  const Meta second = read_meta(bytes + size, 1);
  demand(second.page_size == size, 1, "has another page size than page 0");
  const u64 a = first.transaction, b = second.transaction;
  demand(a % 2 == 0 && b % 2 == 1 && (a + 1 == b || b + 1 == a), a < b,
         "has the number of a transaction that it cannot have");
  const Metas metas = a < b ? Metas{second, first} : Metas{first, second};
  demand(metas.newer.last_page >= kMetaPages, a < b, "says that there are no pages");
  return metas;
}

// -1, 0 or 1, as LMDB orders keys.
int compare(Bytes a, Bytes b, bool integers) {
  if (integers) {
    const u64 x = read<u64>(a.data), y = read<u64>(b.data);
    return x < y ? -1 : x > y;
  }
  const int order = std::memcmp(a.data, b.data, std::min(a.size, b.size));
  if (order != 0) return order < 0 ? -1 : 1;
  return a.size < b.size ? -1 : a.size > b.size;
}

constexpr std::uint8_t kTransactionName[] = {0, 'c', 'o', 'm', 'm', 'i', 't'};
constexpr Bytes kTransactionKey{kTransactionName, sizeof kTransactionName};

struct Bounds {  // what keys are at least, and less than; without data where there is no bound
  Bytes low, high;
};

class Walk {
 public:
  Walk(const std::uint8_t* bytes, std::size_t count, const Meta& meta)
      : bytes_(bytes), page_size_(meta.page_size), in_file_(count / meta.page_size), meta_(meta) {
    // Free pages at the end need not be in the file yet, but a number from nowhere must not
    // make us take memory.
    if (meta.last_page > in_file_ + in_file_ / 2 + (1 << 20)) truncated(meta.last_page);
    seen_.resize(meta.last_page + 1);
  }

  // That the states are those of the transaction that a meta page names. Pages of the one before the
  // newest are not written over yet.
  void check_transaction(const Meta& meta) const {
    const u64 page = meta.transaction % 2;
    const char* const another = "names another transaction than its records do";
    if (meta.transaction == 0) {  // nothing was ever written
      demand(meta.records.root == kNoPage, page, another);
      return;
    }
    const Bytes record = find(meta.records, kTransactionKey);
    if (!record.data) throw Damage("it holds no states of recurra");
    check_record(page, kTransactionKey, record);
    demand(record.size == 12 && read<u64>(record.data + 4) == meta.transaction, page, another);
  }

  void all() {
    demand(meta_.records.flags == 0, 0, "has a tree of records of another kind");
    demand((meta_.free.flags & ~kIntegerKeys) == 0, 0, "has a tree of free pages of another kind");
    walk(meta_.free, true);
    walk(meta_.records, false);
    const u64 lost = std::count(seen_.begin() + kMetaPages, seen_.end(), false);
    if (lost > 0) {
      throw Damage(std::to_string(lost) + " pages are neither in use nor free");
    }
  }

  u64 free_pages() const { return free_pages_; }

 private:
  void walk(const Tree& tree, bool of_free_pages) {
    of_free_pages_ = of_free_pages;
    found_ = {};
    depth_ = tree.depth;
    if (tree.root != kNoPage) {
      demand(tree.depth >= 1 && tree.depth <= kDeepest, tree.root, "is the root of no tree");
      visit(tree.root, 1, {});
    }
    const bool equal = tree.branches == found_.branches && tree.leaves == found_.leaves &&
                       tree.overflows == found_.overflows && tree.entries == found_.entries &&
                       (tree.root != kNoPage || tree.depth == 0);
    if (!equal) throw Damage("its meta page counts other pages or records than there are");
  }

  void visit(u64 number, int depth, const Bounds& bounds) {
    take(number);
    const bool leaf = depth == depth_;
    const std::uint8_t* page = at(number, 1);
    const std::size_t nodes = nodes_of(number, page, leaf);
    // LMDB ends the process over a branch of records with one child.
    demand(nodes >= (leaf || of_free_pages_ ? 1u : 2u), number, "has too few nodes");
    ++(leaf ? found_.leaves : found_.branches);
    for (std::size_t k = 0; k < nodes; ++k) {
      if (leaf) {
        check_leaf(number, page, node(number, page, k),
                   k == 0 ? nullptr : node(number, page, k - 1), bounds);
      } else {
        descend(number, page, k, nodes, depth, bounds);
      }
    }
  }

  static u64 child_of(const std::uint8_t* node) {
    return read<u16>(node) | u64{read<u16>(node + 2)} << 16 | u64{read<u16>(node + 4)} << 32;
  }

  // What is stored in a leaf under a key; without data where there is none.
  Bytes find(const Tree& tree, Bytes key) const {
    u64 number = tree.root;
    for (int depth = 1; number != kNoPage && depth <= std::min<int>(tree.depth, kDeepest);
         ++depth) {
      const bool leaf = depth == tree.depth;
      const std::uint8_t* page = at(number, 1);
      const std::size_t nodes = nodes_of(number, page, leaf);
      u64 child = kNoPage;
      for (std::size_t k = 0; k < nodes; ++k) {
        const std::uint8_t* here = node(number, page, k);
        const Bytes found{here + kNodeHeader, read<u16>(here + 6)};
        const int order = k == 0 && !leaf ? -1 : compare(found, key, false);
        if (order == 0 && leaf) return within_leaf(number, page, here, found);
        if (order <= 0) child = child_of(here);
      }
      if (leaf) break;
      number = child;
    }
    return {};
  }

  Bytes within_leaf(u64 number, const std::uint8_t* page, const std::uint8_t* node,
                    Bytes key) const {
    const std::size_t size = read<u16>(node) | std::size_t{read<u16>(node + 2)} << 16;
    const std::uint8_t* contents = key.data + key.size;
    demand(size <= static_cast<std::size_t>(page + page_size_ - contents), number,
           "has a record that lies outside of it");
    return {contents, size};
  }

  std::size_t nodes_of(u64 number, const std::uint8_t* page, bool leaf) const {
    demand(read<u64>(page) == number, number, "has the number of another");
    demand(read<u16>(page + 10) == (leaf ? kLeaf : kBranch), number, "is not of its kind");
    const std::size_t lower = read<u16>(page + 12), upper = read<u16>(page + 14);
    demand(lower >= kPageHeader && lower % 2 == 0 && lower <= upper && upper <= page_size_, number,
           "has bounds that lie outside of it");
    return (lower - kPageHeader) / 2;
  }

  // A node's first byte; its header and key are in the page.
  const std::uint8_t* node(u64 number, const std::uint8_t* page, std::size_t k) const {
    const std::size_t start = read<u16>(page + kPageHeader + 2 * k);
    const std::size_t upper = read<u16>(page + 14);
    demand(start >= upper && start + kNodeHeader <= page_size_ &&
               start + kNodeHeader + read<u16>(page + start + 6) <= page_size_,
           number, "has a node that lies outside of it");
    return page + start;
  }

  Bytes key_of(u64 number, const std::uint8_t* node) const {
    const std::size_t size = read<u16>(node + 6);
    demand(size > 0 && (!of_free_pages_ || size == sizeof(u64)), number, "has a key of no length");
    return {node + kNodeHeader, size};
  }

  void check_within(u64 number, Bytes key, const Bounds& bounds) const {
    demand(!bounds.low.data || compare(key, bounds.low, of_free_pages_) >= 0, number,
           "has a key that belongs before it");
    demand(!bounds.high.data || compare(key, bounds.high, of_free_pages_) < 0, number,
           "has a key that belongs after it");
  }

  // Pages that follow each other in a tree lie anywhere in the file: a walk would wait for each.
  void fetch_ahead(u64 number) const {
    if (number >= in_file_) return;
    const std::uint8_t* page = bytes_ + number * page_size_;
    for (std::size_t at = 0; at < page_size_; at += 64) __builtin_prefetch(page + at);
  }

  // The key of a branch's first child is not looked at: it is the bound that the branch has itself.
  void descend(u64 number, const std::uint8_t* page, std::size_t k, std::size_t nodes, int depth,
               const Bounds& bounds) {
    const std::uint8_t* here = node(number, page, k);
    Bounds inner = bounds;
    if (k > 0) {
      inner.low = key_of(number, here);
      check_within(number, inner.low, bounds);
    }
    if (k + 1 < nodes) {
      inner.high = key_of(number, node(number, page, k + 1));
      check_within(number, inner.high, {inner.low, bounds.high});
    }
    if (k + 1 < nodes) fetch_ahead(child_of(node(number, page, k + 1)));
    visit(child_of(here), depth + 1, inner);
  }

  void check_leaf(u64 number, const std::uint8_t* page, const std::uint8_t* node,
                  const std::uint8_t* before, const Bounds& bounds) {
    const Bytes key = key_of(number, node);
    check_within(number, key, bounds);
    demand(!before || compare(key_of(number, before), key, of_free_pages_) < 0, number,
           "has keys out of their order");
    const Bytes contents = contents_of(number, page, node, key);
    ++found_.entries;
    if (of_free_pages_) {
      check_free_pages(number, key, contents);
    } else {
      check_record(number, key, contents);
    }
  }

  Bytes contents_of(u64 number, const std::uint8_t* leaf, const std::uint8_t* node, Bytes key) {
    const u16 flags = read<u16>(node + 4);
    demand(flags == 0 || flags == kElsewhere, number, "has a node of no known kind");
    if (flags == 0) return within_leaf(number, leaf, node, key);
    const std::size_t size = read<u16>(node) | std::size_t{read<u16>(node + 2)} << 16;
    const std::uint8_t* contents = key.data + key.size;
    demand(contents + sizeof(u64) <= leaf + page_size_, number,
           "has a record that lies outside of it");
    const u64 first = read<u64>(contents);
    const u64 pages = (kPageHeader + size + page_size_ - 1) / page_size_;
    for (u64 k = 0; k < pages; ++k) take(first + k);
    const std::uint8_t* page = at(first, pages);
    demand(read<u64>(page) == first && read<u16>(page + 10) == kOverflow &&
               read<u32>(page + 12) == pages,
           first, "is not the record that another says it is");
    found_.overflows += pages;
    return {page + kPageHeader, size};
  }

  static void check_record(u64 number, Bytes key, Bytes contents) {
    demand(contents.size >= 4 &&
               read<u32>(contents.data) ==
                   crc32(crc32(0, key.data, key.size), contents.data + 4, contents.size - 4),
           number, "has a record that differs from its checksum");
  }

  // How many, then their numbers, the largest first.
  void check_free_pages(u64 number, Bytes key, Bytes contents) {
    demand(read<u64>(key.data) <= meta_.transaction, number, "has free pages of the future");
    const u64 count = contents.size >= sizeof(u64) ? read<u64>(contents.data) : kNoPage;
    demand(contents.size % sizeof(u64) == 0 && count == contents.size / sizeof(u64) - 1, number,
           "has a list of free pages of another length than it says");
    u64 above = kNoPage;
    for (u64 k = 1; k <= count; ++k) {
      const u64 page = read<u64>(contents.data + 8 * k);
      demand(page < above, number, "has free pages out of their order");
      take(page);
      above = page;
    }
    free_pages_ += count;
  }

  void take(u64 number) {
    demand(number >= kMetaPages && number < seen_.size(), number, "is not one that the file has");
    demand(!seen_[number], number, "is used twice");
    seen_[number] = true;
  }

  const std::uint8_t* at(u64 number, u64 pages) const {
    if (pages > in_file_ || number > in_file_ - pages) truncated(number);
    return bytes_ + number * page_size_;
  }

  [[noreturn]] void truncated(u64 number) const {
    throw Damage("it is truncated: page " + std::to_string(number) + " is beyond its end");
  }

  const std::uint8_t* bytes_;
  std::size_t page_size_;
  u64 in_file_;  // whole pages
  Meta meta_;
  std::vector<bool> seen_;
  u64 free_pages_ = 0;
  Tree found_{};  // what there is of the tree at hand
  int depth_ = 0;
  bool of_free_pages_ = false;
};

template <class Check>
StoreFile reported(const Check& check) {
  StoreFile found;
  try {
    check(found);
  } catch (const Damage& damage) {
    found.problem = damage.what();
  }
  return found;
}

}  // namespace

StoreFile check_store_head(const std::uint8_t* bytes, std::size_t count) {
  return reported(
      [&](StoreFile& found) { found.transaction = read_metas(bytes, count).newer.transaction; });
}

StoreFile check_store_file(const std::uint8_t* bytes, std::size_t count) {
  return reported([&](StoreFile& found) {
    const auto [meta, before] = read_metas(bytes, count);
    Walk walk(bytes, count, meta);
    walk.check_transaction(meta);
    walk.check_transaction(before);
    walk.all();
    found = {{}, meta.last_page + 1, walk.free_pages(), meta.records.entries, meta.transaction};
  });
}

}  // namespace recurra
