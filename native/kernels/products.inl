// Products of weights with rows, and sums of outer products.
//
// A weight matrix is packed in panels of kPanel outputs, k by k: lanes run across outputs, never
// across k, and every output is accumulated in ascending k by fused multiply-adds. So its bits
// depend neither on how many rows there are nor on the width of the vectors.
#pragma once

#include "kernels/kernels.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

constexpr int kPanelVectors = 2;
// Rows and vectors that fill the registers: 8 x 2 of 32, or 6 x 2 of 16, beside what is loaded.
constexpr int kTileRows = kBytes == 64 ? 8 : 6;
template <class T>
constexpr int kPanel = kPanelVectors * kLanes<T>;
// For a single row: as many vectors side by side as hide the latency of a multiply-add, read in one
// stream, which is what caches deliver fastest.
constexpr int kWideVectors = 8;
template <class T>
constexpr int kWidePanel = kWideVectors * kLanes<T>;
// Bytes of a matrix that is in the second-level cache whenever it is read.
constexpr std::size_t kNear = 1 << 19;
// Columns of a panel that rows pass by at a time: so many that answers seldom wait in memory for the rest,
// so few that the panel (64 KiB) comes from a near cache.
template <class T>
constexpr int kBlock = 65536 / (kPanel<T> * static_cast<int>(sizeof(T)));

template <class T>
std::size_t packed_size(int n, int k) {
  const std::size_t vectors = static_cast<std::size_t>((n + kLanes<T> - 1) / kLanes<T>);
  return vectors * kLanes<T> * static_cast<std::size_t>(k);
}

// One panel, in whole vectors of outputs and columns where it can. Outputs past the last are zeros.
template <class T>
void pack_panel(const T* w, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride, int outputs,
                int width, int k, T* packed) {
  for (int first = 0; first < width; first += kLanes<T>) {
    const T* const from = w + first * row_stride;
    const int rest = outputs - first;
    int j = 0;
    if (column_stride == 1 && rest >= kLanes<T>) {
      for (; j + kLanes<T> <= k; j += kLanes<T>) {
        Vec<T> block[kLanes<T>];
        for (int i = 0; i < kLanes<T>; ++i) block[i] = load(from + i * row_stride + j);
        transpose<T>(block);
        for (int i = 0; i < kLanes<T>; ++i)
          store(packed + static_cast<std::ptrdiff_t>(j + i) * width + first, block[i]);
      }
    }
    for (; j < k; ++j) {
      T* const to = packed + static_cast<std::ptrdiff_t>(j) * width + first;
      if (row_stride == 1) {
        store(to, load_up_to(from + j * column_stride, rest));
        continue;
      }
      for (int i = 0; i < kLanes<T>; ++i) {
        to[i] = i < rest ? from[i * row_stride + j * column_stride] : T(0);
      }
    }
  }
}

template <class T>
void pack(const T* w, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride, int n, int k,
          bool for_one_row, T* packed) {
  const int panel = for_one_row ? kWidePanel<T> : kPanel<T>;
  for (int first = 0; first < n; first += panel) {
    const int outputs = n - first < panel ? n - first : panel;
    const int width = (outputs + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    pack_panel(w + first * row_stride, row_stride, column_stride, outputs, width, k, packed);
    packed += static_cast<std::ptrdiff_t>(width) * k;
  }
}

// Rows of `a` as they lie.
template <class T>
struct Strided {
  const T* base;
  std::ptrdiff_t stride;
  T operator()(int row, std::ptrdiff_t k) const { return base[row * stride + k]; }
};

template <class T, int kRows>
struct Scattered {
  const T* base[kRows];
  T operator()(int row, std::ptrdiff_t k) const { return base[row][k]; }
};

// Rows of `a` packed k by k.
template <class T, int kRows>
struct Interleaved {
  const T* base;
  T operator()(int row, std::ptrdiff_t k) const { return base[k * kRows + row]; }
};

// A stretch of a panel's columns, and what a tile fetches for later, so many elements with each k: in
// one go it would hold up the loads.
template <class T>
struct Stretch {
  int factor;  // whose panel it is
  const T* panel;
  int first, k;
  const T* ahead;
  std::ptrdiff_t step;
};

// One tile: kRows rows times kVectors vectors of stretches of panels, one after the other. `columns`
// says how many outputs are real; kWhole promises that all are.
template <class T, int kRows, int kVectors, bool kWhole, class A>
RECURRA_INLINE void tile(const A* a, const Stretch<T>* stretches, int count, const Rows<T>& onto,
                         const Rows<T>& out, int columns) {
  Vec<T> sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    const T* from = onto.none() ? nullptr : onto[r];
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = !from    ? Vec<T>{}
                  : kWhole ? load(from + v * kLanes<T>)
                           : load_up_to(from + v * kLanes<T>, columns - v * kLanes<T>);
    }
  }
  for (int s = 0; s < count; ++s) {
    const A of = a[s];
    const T* const panel = stretches[s].panel;
    const T* const ahead = stretches[s].ahead;
    const std::ptrdiff_t k = stretches[s].k, step = stretches[s].step;
    for (std::ptrdiff_t j = 0; j < k; ++j) {
      Vec<T> w[kVectors];
      for (int v = 0; v < kVectors; ++v) w[v] = load(panel + (j * kVectors + v) * kLanes<T>);
      __builtin_prefetch(ahead + j * step, 0, 2);
      for (int r = 0; r < kRows; ++r) {
        const Vec<T> x = splat<T>(of(r, j));
        for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(x, w[v], sum[r][v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    T* to = out[r];
    for (int v = 0; v < kVectors; ++v) {
      if (kWhole) {
        store(to + v * kLanes<T>, sum[r][v]);
      } else {
        store_up_to(to + v * kLanes<T>, sum[r][v], columns - v * kLanes<T>);
      }
    }
  }
}

// Up to kRows rows from row `from` of a run on; their number becomes a constant.
template <class T, int kRows, int kVectors, bool kWhole>
RECURRA_INLINE void tile_rows(int rows, const ProductRows<T>& run, int from,
                              const Stretch<T>* stretches, int count, const Rows<T>& onto,
                              const Rows<T>& out, int columns) {
  if (rows == kRows) {
    bool scattered = false;
    for (int s = 0; s < count; ++s) scattered |= run.a[stretches[s].factor].table != nullptr;
    if (scattered) {
      Scattered<T, kRows> a[kMostFactors];
      for (int s = 0; s < count; ++s) {
        const Rows<T> its = run.a[stretches[s].factor].from(from);
        for (int r = 0; r < kRows; ++r) a[s].base[r] = its[r] + stretches[s].first;
      }
      tile<T, kRows, kVectors, kWhole>(a, stretches, count, onto, out, columns);
    } else {
      Strided<T> a[kMostFactors];
      for (int s = 0; s < count; ++s) {
        const Rows<T>& its = run.a[stretches[s].factor];
        a[s] = {its.base + from * its.stride + stretches[s].first, its.stride};
      }
      tile<T, kRows, kVectors, kWhole>(a, stretches, count, onto, out, columns);
    }
  } else if constexpr (kRows > 1) {
    tile_rows<T, kRows - 1, kVectors, kWhole>(rows, run, from, stretches, count, onto, out,
                                              columns);
  }
}

// All rows of all runs through some columns of a panel, or of one panel of each factor. The tiles of a
// run are of one height, or nearly: one of very few rows takes as long as one of twice as many.
template <class T, int kVectors, bool kWhole>
__attribute__((noinline)) void through_panel(Stretch<T>* stretches, int count_of_stretches,
                                             bool begun, int column, int columns,
                                             const ProductRows<T>* runs, int count) {
  for (int u = 0; u < count; ++u) {
    const ProductRows<T>& run = runs[u];
    const Rows<T>& start = begun ? run.out : run.onto;
    const bool zero = start.none();
    const int tiles = (run.rows + kTileRows - 1) / kTileRows;
    for (int t = 0, r = 0; t < tiles; ++t) {
      const int rows = (run.rows - r + tiles - t - 1) / (tiles - t);
      tile_rows<T, kTileRows, kVectors, kWhole>(rows, run, r, stretches, count_of_stretches,
                                                zero ? Rows<T>{} : start.from(r).plus(column),
                                                run.out.from(r).plus(column), columns);
      for (int s = 0; s < count_of_stretches; ++s) {
        stretches[s].ahead += stretches[s].k * stretches[s].step;
      }
      r += rows;
    }
  }
}

// One row through one wide panel. What comes kAhead columns later is fetched: at the end, of `then`.
template <class T, int kVectors>
RECURRA_INLINE void wide_tile(const T* a, const T* panel, int k, const T* onto, T* out, int columns,
                              const T* then) {
  constexpr int kAhead = 8, kWidth = kVectors * kLanes<T>;
  Vec<T> sum[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    sum[v] = onto ? load_up_to(onto + v * kLanes<T>, columns - v * kLanes<T>) : Vec<T>{};
  }
  const T* ahead = k > kAhead ? panel + kAhead * kWidth : then;
  for (int j = 0; j < k; ++j) {
    const Vec<T> x = splat<T>(a[j]);
    for (int v = 0; v < kVectors; ++v) {
      __builtin_prefetch(ahead + v * kLanes<T>);
      sum[v] = fma(x, load(panel + v * kLanes<T>), sum[v]);
    }
    panel += kWidth;
    ahead = j + 1 + kAhead == k ? then : ahead + kWidth;
  }
  for (int v = 0; v < kVectors; ++v) {
    store_up_to(out + v * kLanes<T>, sum[v], columns - v * kLanes<T>);
  }
}

template <class T, int kVectors>
void wide_tile_of(int vectors, const T* a, const T* panel, int k, const T* onto, T* out,
                  int columns, const T* then) {
  if (vectors == kVectors) {
    wide_tile<T, kVectors>(a, panel, k, onto, out, columns, then);
  } else if constexpr (kVectors > 1) {
    wide_tile_of<T, kVectors - 1>(vectors, a, panel, k, onto, out, columns, then);
  }
}

template <class T>
void product_of_one_row(const T* packed, int n, int k, const T* a, const T* onto, T* out,
                        const T* then) {
  for (int column = 0; column < n; column += kWidePanel<T>) {
    const int columns = n - column < kWidePanel<T> ? n - column : kWidePanel<T>;
    const int vectors = (columns + kLanes<T> - 1) / kLanes<T>;
    const T* panel = packed + static_cast<std::ptrdiff_t>(column) * k;
    const T* next = column + columns < n ? panel + static_cast<std::ptrdiff_t>(columns) * k : then;
    wide_tile_of<T, kWideVectors>(vectors, a, panel, k, onto ? onto + column : nullptr,
                                  out + column, columns, next);
  }
}

// How the columns of a product's matrices are passed through.
template <class T>
struct Passes {
  Passes(const Factor<T>* factors, int count, int n, int rows_) : rows(rows_) {
    int all = 0;
    for (int f = 0; f < count; ++f) {
      const Factor<T>& each = factors[f];
      // Blocks of k keep a panel near; for a single tile there is nothing to keep.
      const int blocks =
          rows <= kTileRows || each.k == 0 ? 1 : (each.k + kBlock<T> - 1) / kBlock<T>;
      block[f] = each.k == 0 ? 0 : (each.k + blocks - 1) / blocks;
      all += each.k;
      // The second-level cache needs no help, and fetching costs as much as loading.
      const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(each.k) * sizeof(T);
      far[f] = size > kNear;
    }
    together = rows <= kTileRows || all <= kBlock<T>;
  }
  // Columns first ... first + k of a factor's panel. While rows pass through them what comes next is
  // fetched, an equal share with each tile.
  Stretch<T> stretch(const Factor<T>* factors, int f, int at, int width, int first, int k) const {
    const T* panel = factors[f].packed + static_cast<std::ptrdiff_t>(at) * factors[f].k +
                     static_cast<std::ptrdiff_t>(first) * width;
    if (!far[f]) return {f, panel, first, k, panel, 0};
    const int tiles = (rows + kTileRows - 1) / kTileRows;
    return {f, panel, first, k, panel + k * width, (width + tiles - 1) / tiles};
  }

  int rows;
  bool together;  // every panel of all factors in one pass
  int block[kMostFactors];
  bool far[kMostFactors];
};

template <class T>
void product(const Factor<T>* factors, int count_of_factors, int n, const ProductRows<T>* runs,
             int count) {
  int rows = 0;
  for (int u = 0; u < count; ++u) rows += runs[u].rows;
  if (rows == 0) return;
  const Passes<T> passes(factors, count_of_factors, n, rows);
  for (int at = 0; at < n; at += kPanel<T>) {
    const int columns = n - at < kPanel<T> ? n - at : kPanel<T>;
    const int width = (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    bool begun = false;
    const auto pass = [&](Stretch<T>* stretches, int count_of_stretches) {
      const auto through = width < kPanel<T>     ? through_panel<T, 1, false>
                           : columns < kPanel<T> ? through_panel<T, 2, false>
                                                 : through_panel<T, 2, true>;
      through(stretches, count_of_stretches, begun, at, columns, runs, count);
      begun = true;
    };
    if (passes.together) {
      Stretch<T> all[kMostFactors];
      for (int f = 0; f < count_of_factors; ++f) {
        all[f] = passes.stretch(factors, f, at, width, 0, factors[f].k);
      }
      pass(all, count_of_factors);
      continue;
    }
    for (int f = 0; f < count_of_factors; ++f) {
      int first = 0;
      do {
        const int rest = factors[f].k - first;
        const int k = rest < passes.block[f] ? rest : passes.block[f];
        Stretch<T> alone = passes.stretch(factors, f, at, width, first, k);
        pass(&alone, 1);
        first += k;
      } while (first < factors[f].k);
    }
  }
}

// --- sums of outer products ------------------------------------------------------------------------

constexpr int kOuterRows = 256;  // rows of the batch that are packed at a time

// Columns of a are packed in so many tiles at a time: in whole lines of the cache, for its rows lie far
// apart.
template <class T>
constexpr int kColumnTiles = 128 / (kTileRows * static_cast<int>(sizeof(T)));

template <class T>
std::size_t outer_scratch(int k) {
  const std::size_t vectors = static_cast<std::size_t>((k + kLanes<T> - 1) / kLanes<T>);
  return kOuterRows * (vectors * kLanes<T> + kColumnTiles<T> * kTileRows);
}

// Where up to kOuterRows rows of a and b lie, from row `from` of the runs on.
template <class T>
int find_rows(const OuterRows<T>* runs, int count, int from, const T** a, const T** b) {
  int rows = 0;
  for (int u = 0, seen = 0; u < count && rows < kOuterRows; seen += runs[u].rows, ++u) {
    for (int r = from > seen ? from - seen : 0; r < runs[u].rows && rows < kOuterRows;
         ++r, ++rows) {
      a[rows] = runs[u].a[r];
      b[rows] = runs[u].b[r];
    }
  }
  return rows;
}

// Copies rows of b in panels.
template <class T>
void pack_rows(const T* const* b, int rows, int k, T* packed) {
  constexpr int kAhead = 3;
  for (int r = 0; r < rows; ++r) {
    const T* const next = b[r + kAhead < rows ? r + kAhead : r];
    for (int column = 0; column < k; column += kPanel<T>) {
      const int columns = k - column < kPanel<T> ? k - column : kPanel<T>;
      const int vectors = (columns + kLanes<T> - 1) / kLanes<T>;
      T* to = packed + static_cast<std::ptrdiff_t>(column) * kOuterRows + r * vectors * kLanes<T>;
      for (int v = 0; v < vectors; ++v) {
        __builtin_prefetch(next + column + v * kLanes<T>);
        store(to + v * kLanes<T>,
              load_up_to(b[r] + column + v * kLanes<T>, columns - v * kLanes<T>));
      }
    }
  }
}

// Copies `columns` columns of a from `first` on, in tiles of kTileRows columns, k by k.
template <class T>
void pack_columns(const T* const* a, int rows, int first, int columns, T* packed) {
  constexpr int kAhead = 12;
  for (int r = 0; r < rows; ++r) {
    const T* row = a[r] + first;
    T* to = packed + r * kTileRows;
    const T* next = a[r + kAhead < rows ? r + kAhead : r] + first;
    __builtin_prefetch(next);
    __builtin_prefetch(next + columns - 1);
    if (columns == kColumnTiles<T> * kTileRows) {
      for (int t = 0; t < kColumnTiles<T>; ++t) {
        std::memcpy(to + t * kTileRows * kOuterRows, row + t * kTileRows, kTileRows * sizeof(T));
      }
      continue;
    }
    for (int t = 0; t < columns; t += kTileRows) {
      for (int i = 0; i < kTileRows; ++i) {
        to[t * kOuterRows + i] = t + i < columns ? row[t + i] : T(0);
      }
    }
  }
}

template <class T, int kRows, int kVectors>
RECURRA_INLINE void outer_tile(int rows_of_c, const T* a, const T* panel, int rows, T* c,
                               std::ptrdiff_t c_stride, int columns) {
  if (rows_of_c == kRows) {
    const Rows<T> into{c, c_stride};
    const Interleaved<T, kTileRows> interleaved{a};
    const Stretch<T> all{0, panel, 0, rows, panel, 0};
    if (columns == kVectors * kLanes<T>) {
      tile<T, kRows, kVectors, true>(&interleaved, &all, 1, into, into, columns);
    } else {
      tile<T, kRows, kVectors, false>(&interleaved, &all, 1, into, into, columns);
    }
  } else if constexpr (kRows > 1) {
    outer_tile<T, kRows - 1, kVectors>(rows_of_c, a, panel, rows, c, c_stride, columns);
  }
}

// A few tiles of C's rows, through all panels of b: a panel stays in the first-level cache while they
// pass by.
template <class T>
void outer_through_panels(int columns_of_a, const T* a, const T* b, int rows, int k, T* c,
                          std::ptrdiff_t c_stride) {
  for (int column = 0; column < k; column += kPanel<T>) {
    const int columns = k - column < kPanel<T> ? k - column : kPanel<T>;
    const T* panel = b + static_cast<std::ptrdiff_t>(column) * kOuterRows;
    for (int t = 0; t < columns_of_a; t += kTileRows) {
      const int rows_of_c = columns_of_a - t < kTileRows ? columns_of_a - t : kTileRows;
      T* into = c + t * c_stride + column;
      if (columns > kLanes<T>) {
        outer_tile<T, kTileRows, 2>(rows_of_c, a + t * kOuterRows, panel, rows, into, c_stride,
                                    columns);
      } else {
        outer_tile<T, kTileRows, 1>(rows_of_c, a + t * kOuterRows, panel, rows, into, c_stride,
                                    columns);
      }
    }
  }
}

template <class T>
void outer(const OuterRows<T>* runs, int count, int first, int last, int k, T* c,
           std::ptrdiff_t c_stride, T* scratch) {
  constexpr int kColumns = kColumnTiles<T> * kTileRows;
  T* const a = scratch;
  T* const b = scratch + kOuterRows * kColumns;
  int total = 0;
  for (int u = 0; u < count; ++u) total += runs[u].rows;
  const T* a_rows[kOuterRows];
  const T* b_rows[kOuterRows];
  for (int from = 0; from < total; from += kOuterRows) {
    const int rows = find_rows(runs, count, from, a_rows, b_rows);
    pack_rows(b_rows, rows, k, b);
    for (int i = first; i < last; i += kColumns) {
      const int columns = last - i < kColumns ? last - i : kColumns;
      pack_columns(a_rows, rows, i, columns, a);
      outer_through_panels(columns, a, b, rows, k, c + i * c_stride, c_stride);
    }
  }
}

}  // namespace recurra::RECURRA_ISA
