// Lines: the runs of elements along the last axis, of every row and every place before that axis.
//
// A sum over a line has one fixed order: kOrder running sums, element i into sum i mod kOrder, then
// halves added to halves. Every instruction set keeps these kOrder sums, in as many vectors as it
// takes. Lines are taken a few at a time: a line's sum waits for itself, several do not wait for each
// other.
#pragma once

#include "kernels/kernels.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

constexpr int kOrder = 16;

// The running sums, in kOrder lanes.
template <class T>
struct Running {
  static constexpr int kVectors = kOrder / kLanes<T>;
  Vec<T> sum[kVectors];

  template <class Join>
  RECURRA_INLINE T halve(const Running& running, Join join) {
    T lanes[kOrder];
    for (int v = 0; v < kVectors; ++v) store(lanes + v * kLanes<T>, running.sum[v]);
    for (int half = kOrder / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] = join(lanes[i], lanes[i + half]);
    }
    return lanes[0];
  }
};

// Calls work(out, in...) for every place outside the last axis. The last axis of every input lies
// together.
template <class T, int kIn, class Work>
RECURRA_INLINE void for_each_line(const Instruction& instruction, const Frame<T>& frame,
                                  Work work) {
  const std::int64_t* dims = instruction.dims;
  const Rows<T> to = frame.buffers[instruction.out.buffer].plus(instruction.out.offset);
  Rows<T> from[kIn];
  for (int k = 0; k < kIn; ++k) {
    from[k] = frame.buffers[instruction.in[k].buffer].plus(instruction.in[k].offset);
  }
  const T* in[kIn];
  const bool one_line = dims[0] * dims[1] * dims[2] == 1;
  for (int row = frame.first; row < frame.first + frame.rows; ++row) {
    if (one_line) {
      for (int k = 0; k < kIn; ++k) in[k] = from[k][row];
      work(to[row], in);
      continue;
    }
    for (std::int64_t a = 0; a < dims[0]; ++a) {
      for (std::int64_t b = 0; b < dims[1]; ++b) {
        for (std::int64_t c = 0; c < dims[2]; ++c) {
          for (int k = 0; k < kIn; ++k) {
            const std::int64_t* s = instruction.in[k].strides;
            in[k] = from[k][row] + a * s[0] + b * s[1] + c * s[2];
          }
          const std::int64_t* s = instruction.out.strides;
          work(to[row] + a * s[0] + b * s[1] + c * s[2], in);
        }
      }
    }
  }
}

// --- rows onto one line -------------------------------------------------------------------------------

// to[i] += element(row, i, count)... for all rows, a part of the line at a time, which stays in
// registers.
template <int kVectors, class T, class Element>
RECURRA_INLINE void add_to_part(T* to, int rows, std::int64_t i, int count, Element element) {
  Vec<T> sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = load_up_to(to + i + v * kLanes<T>, count);
  for (int row = 0; row < rows; ++row) {
    for (int v = 0; v < kVectors; ++v) sum[v] += element(row, i + v * kLanes<T>, count);
  }
  for (int v = 0; v < kVectors; ++v) store_up_to(to + i + v * kLanes<T>, sum[v], count);
}

template <class T, class Element>
RECURRA_INLINE void add_to_line(T* to, int rows, std::int64_t n, Element element) {
  constexpr int kVectors = 4, kPart = kVectors * kLanes<T>;
  std::int64_t i = 0;
  for (; i + kPart <= n; i += kPart) add_to_part<kVectors>(to, rows, i, kLanes<T>, element);
  for (; i < n; i += kLanes<T>) {
    const int count = static_cast<int>(n - i < kLanes<T> ? n - i : kLanes<T>);
    add_to_part<1>(to, rows, i, count, element);
  }
}

template <class T>
void add_rows(T* to, const Rows<T>& rows, int count, std::int64_t n) {
  const Rows<T> from = rows;
  add_to_line(to, count, n, [from](int row, std::int64_t i, int lanes) {
    return load_up_to(from[row] + i, lanes);
  });
}

template <class T>
void add_products(T* to, const Rows<T>& a, const Rows<T>& b, int count, std::int64_t n) {
  const Rows<T> one = a, other = b;
  add_to_line(to, count, n, [one, other](int row, std::int64_t i, int lanes) {
    return load_up_to(one[row] + i, lanes) * load_up_to(other[row] + i, lanes);
  });
}

// --- several lines at a time ------------------------------------------------------------------------

// So many that the running sums of all of them, and as many vectors again, fit the registers.
template <class T>
constexpr int kLines = 8 / Running<T>::kVectors;

template <class T, int kIn>
struct Lines {
  T* out[kLines<T>];
  const T* in[kIn][kLines<T>];
};

// Calls work.template of<count>(lines) for all lines: kLines of them at a time, and what is left over
// by halves of that.
template <int kCount, class T, int kIn, class Work>
RECURRA_INLINE void finish_lines(Lines<T, kIn>& lines, int waiting, const Work& work) {
  if constexpr (kCount > 0) {
    if (waiting >= kCount) {
      work.template of<kCount>(lines);
      waiting -= kCount;
      for (int line = 0; line < waiting; ++line) {
        for (int k = 0; k < kIn; ++k) lines.in[k][line] = lines.in[k][line + kCount];
        lines.out[line] = lines.out[line + kCount];
      }
    }
    finish_lines<kCount / 2>(lines, waiting, work);
  }
}

template <class T, int kIn, class Work>
RECURRA_INLINE void for_lines(const Instruction& instruction, const Frame<T>& frame,
                              const Work& work) {
  Lines<T, kIn> lines;
  int waiting = 0;
  const auto all = [&]() __attribute__((noinline)) { work.template of<kLines<T>>(lines); };
  for_each_line<T, kIn>(instruction, frame, [&](T* out, const T* const* in) {
    lines.out[waiting] = out;
    for (int k = 0; k < kIn; ++k) lines.in[k][waiting] = in[k];
    if (++waiting < kLines<T>) return;
    all();
    waiting = 0;
  });
  finish_lines<kLines<T> / 2>(lines, waiting, work);
}

// Lanes come in groups of one line each. Adds the first half of every group to its second half;
// what is left of a's groups comes first, and then that of b's.
template <int kHalf, class T, int... kLane>
RECURRA_INLINE Vec<T> folded(Vec<T> a, Vec<T> b, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(a, b, (kLane / kHalf * 2 * kHalf + kLane % kHalf)...) +
         __builtin_shufflevector(a, b, (kLane / kHalf * 2 * kHalf + kLane % kHalf + kHalf)...);
}

// The totals of groups of kGroup lanes, in as many first lanes as there are groups.
template <int kGroup, int kCount, class T>
RECURRA_INLINE Vec<T> totals_of_groups(const Vec<T>* groups) {
  if constexpr (kGroup == 1) {
    return groups[0];
  } else {
    constexpr int kHalf = kGroup / 2, kLeft = (kCount + 1) / 2;
    constexpr auto kAll = std::make_integer_sequence<int, kLanes<T>>{};
    Vec<T> left[kLeft];
    for (int k = 0; k < kLeft; ++k) {
      left[k] = folded<kHalf, T>(groups[2 * k], groups[kCount > 1 ? 2 * k + 1 : 0], kAll);
    }
    return totals_of_groups<kHalf, kLeft, T>(left);
  }
}

// Sums over kCount lines, one a lane, of what `element(line, i, count)` gives as vectors.
template <int kCount, class T, class Element>
RECURRA_INLINE Vec<T> sums(std::int64_t n, Element element) {
  constexpr int kVectors = Running<T>::kVectors;
  Running<T> running[kCount];
  for (int line = 0; line < kCount; ++line) {
    for (int v = 0; v < kVectors; ++v) running[line].sum[v] = Vec<T>{};
  }
  std::int64_t i = 0;
  for (; i + kOrder <= n; i += kOrder) {
    for (int line = 0; line < kCount; ++line) {
      for (int v = 0; v < kVectors; ++v) {
        running[line].sum[v] += element(line, i + v * kLanes<T>, kLanes<T>);
      }
    }
  }
  for (int v = 0; i < n; ++v, i += kLanes<T>) {
    const int count = static_cast<int>(n - i < kLanes<T> ? n - i : kLanes<T>);
    for (int line = 0; line < kCount; ++line) {
      const Vec<T> longer = running[line].sum[v] + element(line, i, count);
      running[line].sum[v] = first_lanes<T>(count) ? longer : running[line].sum[v];
    }
  }
  Vec<T> groups[kCount];
  for (int line = 0; line < kCount; ++line) {
    for (int half = kVectors / 2; half > 0; half /= 2) {
      for (int v = 0; v < half; ++v) running[line].sum[v] += running[line].sum[v + half];
    }
    groups[line] = running[line].sum[0];
  }
  return totals_of_groups<kLanes<T>, kCount, T>(groups);
}

template <int kCount, class T>
RECURRA_INLINE Vec<T> sums_of(const T* const* x, std::int64_t n) {
  return sums<kCount, T>(
      n, [x](int line, std::int64_t i, int count) { return load_up_to(x[line] + i, count); });
}

template <int kCount, class T>
RECURRA_INLINE Vec<T> means_of(const T* const* x, std::int64_t n) {
  return sums_of<kCount>(x, n) / splat(static_cast<T>(n));
}

}  // namespace recurra::RECURRA_ISA
