// Products of a single row, panel by panel.
//
// Every output is made by itself, so panels may come in any order: they are read in one way at one step
// and in the other way at the next, and what a cache still holds of the last panels is read first. So
// that this is a part of every matrix, products of as many outputs go through a panel together.
#pragma once

#include "kernels/kernels.h"

namespace recurra {

template <class T>
struct ProductOfOneRow {
  const T* packed;
  int n, k;
  const T* a;
  const T* onto;
  T* out;
};

// Products with as many outputs. None multiplies what another writes; one may start from an answer before
// it.
template <class T>
struct Chain {
  static constexpr int kMost = 4;
  ProductOfOneRow<T> products[kMost];
  int count = 0;

  int outputs() const { return products[0].n; }
  std::int64_t multiply_adds() const {
    std::int64_t sum = 0;
    for (int p = 0; p < count; ++p) sum += products[p].k;
    return sum * outputs();
  }
};

// The outputs first ... last of a chain; `first` begins a panel.
template <class T>
void run_chain(const Kernels<T>& kernels, const Chain<T>& chain, int first, int last,
               bool last_panel_first) {
  const int wide = kernels.wide_panel;
  const int panels = last - first <= wide ? 1 : (last - first + wide - 1) / wide;
  const auto begin = [&](int p) { return first + (last_panel_first ? panels - 1 - p : p) * wide; };
  for (int p = 0; p < panels; ++p) {
    const int at = begin(p), n = last - at < wide ? last - at : wide;
    for (int c = 0; c < chain.count; ++c) {
      const ProductOfOneRow<T>& each = chain.products[c];
      const bool more = c + 1 < chain.count;
      const ProductOfOneRow<T>& next = chain.products[more ? c + 1 : 0];
      const int next_at = more || p + 1 == panels ? at : begin(p + 1);
      kernels.product_of_one_row(each.packed + static_cast<std::ptrdiff_t>(at) * each.k, n, each.k,
                                 each.a, each.onto ? each.onto + at : nullptr, each.out + at,
                                 next.packed + static_cast<std::ptrdiff_t>(next_at) * next.k);
    }
  }
}

}  // namespace recurra
