#include "plan/block.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

namespace recurra {

RowOrder::RowOrder(int rows, int time_, const std::int64_t* given) : time(time_) {
  if (given == nullptr) return;
  order.resize(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [given](int a, int b) { return given[a] > given[b]; });
  lengths.reserve(order.size());
  for (const std::int32_t row : order) lengths.push_back(given[row]);
}

template <class T>
void pack_weights(const Plan<T>& plan, const T* const* given, Packing packing, T* packed) {
  for (std::size_t m = 0; m < plan.matrices.size(); ++m) {
    const Matrix& matrix = plan.matrices[m];
    const Buffer& buffer = plan.buffers[matrix.buffer];
    const T* base = buffer.space == Space::constant ? plan.constants.data() : given[buffer.index];
    plan.kernels.pack(base + matrix.offset, matrix.row_stride, matrix.column_stride, matrix.n,
                      matrix.k, packed_for_one_row(plan, packing, m),
                      packed + plan.packed_offsets[m]);
  }
}

// --- memory ----------------------------------------------------------------------------------------

namespace {

template <class T>
std::size_t aligned(std::int64_t count) {
  return Memory::rounded(static_cast<std::size_t>(count) * sizeof(T));
}

template <class T>
std::int64_t tile_count(const Plan<T>& plan) {
  return plan.tile_width * plan.group_rows;
}

}  // namespace

template <class T>
std::size_t Scratch<T>::bytes(const Plan<T>& plan, int runs) {
  return aligned<T>(tile_count(plan)) + aligned<ProductRows<T>>(runs) +
         aligned<OuterRows<T>>(runs) +
         aligned<T>(static_cast<std::int64_t>(plan.kernels.outer_scratch(plan.outer_columns))) +
         aligned<std::int64_t>(static_cast<std::int64_t>(plan.buffers.size())) +
         aligned<Rows<T>>(static_cast<std::int64_t>(plan.buffers.size()));
}

template <class T>
Scratch<T>::Scratch(const Plan<T>& plan, int runs, Memory& memory)
    : tile(memory.take<T>(static_cast<std::size_t>(tile_count(plan)))),
      outer(memory.take<T>(plan.kernels.outer_scratch(plan.outer_columns))),
      products(memory.take<ProductRows<T>>(static_cast<std::size_t>(runs))),
      outers(memory.take<OuterRows<T>>(static_cast<std::size_t>(runs))),
      buffers(memory.take<Rows<T>>(plan.buffers.size())),
      moves(memory.take<std::int64_t>(plan.buffers.size())) {
  std::uninitialized_fill_n(buffers, plan.buffers.size(), Rows<T>{});
}

template <class T>
std::size_t Block<T>::bytes(const Plan<T>& plan, int rows, int steps) {
  std::size_t total = 0;
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.space == Space::chunk) total += aligned<T>(buffer.size * rows * steps);
    if (buffer.space == Space::step || buffer.space == Space::state) {
      total += aligned<T>(buffer.size * rows);
    }
  }
  return total;
}

template <class T>
Block<T>::Block(const Plan<T>& plan, const Call<T>& call, const RowOrder& order,
                const Weights<T>& weights, int first, int rows, int steps, Memory& memory)
    : plan_(plan),
      call_(call),
      order_(order),
      weights_(weights),
      first_(first),
      rows_(rows),
      steps_(steps) {
  memory_.resize(plan.buffers.size());
  tables_.resize(plan.buffers.size());
  const bool tabled = !order.natural() && rows > 1;
  for (std::size_t b = 0; b < plan.buffers.size(); ++b) {
    const Buffer& buffer = plan.buffers[b];
    if (buffer.space == Space::chunk) {
      memory_[b] = memory.take<T>(static_cast<std::size_t>(buffer.size) * rows * steps);
    } else if (buffer.space == Space::step || buffer.space == Space::state) {
      memory_[b] = memory.take<T>(static_cast<std::size_t>(buffer.size) * rows);
    } else if (tabled && (buffer.space == Space::x || buffer.space == Space::y)) {
      const Line<T>& line = (buffer.space == Space::x ? call.xs : call.ys)[buffer.index];
      if (line.inner) continue;
      tables_[b].resize(static_cast<std::size_t>(rows));
      for (int r = 0; r < rows; ++r) {
        const std::int64_t last = call.backwards ? (length(r) - 1) * line.time_stride : 0;
        tables_[b][r] = line.base + order.row(first + r) * line.row_stride + last;
      }
    }
  }
  std::vector<Rows<T>> at(plan.buffers.size());
  for (std::size_t b = 0; b < at.size(); ++b) at[b] = locate(static_cast<int>(b), 0);
  find_flat(plan, at.data(), flat_, flat_alone_);
}

template <class T>
Rows<T> Block<T>::locate(int b, std::int64_t step) const {
  const Buffer& buffer = plan_.buffers[b];
  switch (buffer.space) {
    case Space::x:
    case Space::y: {
      const Line<T>& line = (buffer.space == Space::x ? call_.xs : call_.ys)[buffer.index];
      if (line.inner) {
        return {line.base + first_ * line.row_stride + step * line.time_stride, line.row_stride,
                nullptr, 0};
      }
      const std::int64_t way = (call_.backwards ? -step : step) * line.time_stride;
      if (!tables_[b].empty()) return {nullptr, 0, tables_[b].data(), way};
      const std::int64_t last = call_.backwards ? (length(0) - 1) * line.time_stride : 0;
      return {line.base + order_.row(first_) * line.row_stride + last + way, line.row_stride,
              nullptr, 0};
    }
    case Space::weight:
      return {const_cast<T*>(weights_.given[buffer.index]), 0, nullptr, 0};
    case Space::constant:
      return {const_cast<T*>(plan_.constants.data()), 0, nullptr, 0};
    case Space::chunk:
      return {memory_[b] + (step - chunk_begin_) * rows_ * buffer.size, buffer.size, nullptr, 0};
    case Space::state:
    case Space::step:
      return {memory_[b], buffer.size, nullptr, 0};
    case Space::weight_grad:
    case Space::tile:
      break;
  }
  return {};
}

template <class T>
std::int64_t Block<T>::time_step(int b) const {
  const Buffer& buffer = plan_.buffers[b];
  if (buffer.space == Space::chunk) return rows_ * buffer.size;
  if (buffer.space != Space::x && buffer.space != Space::y) return 0;
  const Line<T>& line = (buffer.space == Space::x ? call_.xs : call_.ys)[buffer.index];
  return call_.backwards && !line.inner ? -line.time_stride : line.time_stride;
}

// --- states ----------------------------------------------------------------------------------------

template <class T>
void Block<T>::begin() {
  for (std::size_t b = 0; b < plan_.buffers.size(); ++b) {
    const Buffer& buffer = plan_.buffers[b];
    if (buffer.space != Space::state) continue;
    for (int r = 0; r < rows_; ++r) {
      std::memcpy(memory_[b] + r * buffer.size,
                  call_.states[buffer.index] + order_.row(first_ + r) * buffer.size,
                  static_cast<std::size_t>(buffer.size) * sizeof(T));
    }
  }
}

template <class T>
void Block<T>::finish() {
  for (std::size_t b = 0; b < plan_.buffers.size(); ++b) {
    const Buffer& buffer = plan_.buffers[b];
    if (buffer.space == Space::state && call_.finals[buffer.index] != nullptr) {
      for (int r = 0; r < rows_; ++r) {
        std::memcpy(call_.finals[buffer.index] + order_.row(first_ + r) * buffer.size,
                    memory_[b] + r * buffer.size,
                    static_cast<std::size_t>(buffer.size) * sizeof(T));
      }
    }
    if (buffer.space != Space::y || call_.ys[buffer.index].inner) continue;
    const Line<T>& line = call_.ys[buffer.index];
    for (int r = 0; r < rows_; ++r) {
      T* row = line.base + order_.row(first_ + r) * line.row_stride;
      for (std::int64_t t = length(r); t < call_.time; ++t) {
        std::fill_n(row + t * line.time_stride, buffer.size, T(0));
      }
    }
  }
}

template <class T>
int Block<T>::active(std::int64_t step, int first, int rows) const {
  if (order_.natural()) return rows;
  int count = 0;
  while (count < rows && length(first + count) > step) ++count;
  return count;
}

template <class T>
bool Block<T>::starts_again(int row, std::int64_t step) const {
  const std::uint8_t* flags =
      call_.reset + static_cast<std::int64_t>(order_.row(first_ + row)) * call_.time;
  return flags[call_.backwards ? length(row) - 1 - step : step] != 0;
}

template <class T>
void Block<T>::reset_states(const Stage& stage, std::int64_t step, int first, int rows,
                            Rows<T>* at) {
  for (int r = first; r < first + rows; ++r) {
    if (!starts_again(r, step)) continue;
    for (const std::int32_t b : stage.buffers) {
      const Buffer& buffer = plan_.buffers[b];
      if (buffer.space != Space::state) continue;
      T* state = at[b][r];
      const std::int64_t row = order_.row(first_ + r);
      if (!plan_.descending) {
        const T* start = call_.starts[buffer.index] + row * buffer.size;
        std::memcpy(state, start, static_cast<std::size_t>(buffer.size) * sizeof(T));
        continue;
      }
      T* gradient = call_.start_grads[buffer.index];
      for (std::int64_t i = 0; i < buffer.size; ++i) {
        if (gradient != nullptr) gradient[row * buffer.size + i] += state[i];
        state[i] = T(0);
      }
    }
  }
}

// --- stages ----------------------------------------------------------------------------------------

template <class T>
void Block<T>::run(int begin, int end, int first, int rows, const Scratch<T>& scratch) {
  for (const Stage& stage : plan_.stages) {
    if (stage.loop) {
      run_loop(stage, begin, end, first, rows, scratch);
    } else {
      run_span(stage, begin, end, first, rows, scratch);
    }
  }
}

template <class T>
void Block<T>::run_loop(const Stage& stage, int begin, int end, int first, int rows,
                        const Scratch<T>& scratch) {
  Rows<T>* const at = scratch.buffers;
  const int way = plan_.descending ? -1 : 1;
  const int start = plan_.descending ? end - 1 : begin;
  for (const std::int32_t b : stage.buffers) at[b] = locate(b, start);
  std::int64_t* const moves = scratch.moves;
  for (std::size_t k = 0; k < stage.buffers.size(); ++k) {
    moves[k] = way * time_step(stage.buffers[k]);
  }
  for (int s = 0; s < end - begin; ++s) {
    const int step = start + way * s;
    const int count = active(step, first, rows);
    if (s > 0) {
      for (std::size_t k = 0; k < stage.buffers.size(); ++k) {
        Rows<T>& moved = at[stage.buffers[k]];
        if (moved.table != nullptr) {
          moved.shift += moves[k];
        } else {
          moved.base += moves[k];
        }
      }
    }
    if (count == 0) continue;
    if (call_.reset != nullptr && !plan_.descending) reset_states(stage, step, first, count, at);
    if (s + 1 < end - begin) fetch_ahead(stage, at, moves, first, count);
    run_segments(plan_, stage, weights_, at, first, count, flat_.data(), flat_alone_.data(),
                 scratch);
    if (call_.reset != nullptr && plan_.descending) reset_states(stage, step, first, count, at);
  }
}

// What the next step reads from outside: rows of a call lie far apart, where hardware does not look
// ahead.
template <class T>
void Block<T>::fetch_ahead(const Stage& stage, const Rows<T>* at, const std::int64_t* moves,
                           int first, int rows) const {
  for (std::size_t k = 0; k < stage.buffers.size(); ++k) {
    const Buffer& buffer = plan_.buffers[stage.buffers[k]];
    if (buffer.space != Space::x || buffer.size * static_cast<std::int64_t>(sizeof(T)) > 8192)
      continue;
    for (int r = first; r < first + rows; ++r) {
      const T* next = at[stage.buffers[k]][r] + moves[k];
      for (std::int64_t i = 0; i < buffer.size; i += 64 / static_cast<std::int64_t>(sizeof(T))) {
        __builtin_prefetch(next + i, 0, 3);
      }
    }
  }
}

template <class T>
void Block<T>::run_span(const Stage& stage, int begin, int end, int first, int rows,
                        const Scratch<T>& scratch) {
  Rows<T>* const at = scratch.buffers;
  for (const Segment& segment : stage.segments) {
    if (segment.work == Work::product) {
      for (std::int32_t i = segment.first; i < segment.last; ++i) {
        if (weights_.together && plan_.left_to_later[i]) continue;
        span_product(i, begin, end, first, rows, scratch);
      }
      continue;
    }
    const Stage alone{false, {segment}, {}};
    for (int step = begin; step < end; ++step) {
      const int count = active(step, first, rows);
      if (count == 0) break;
      for (const std::int32_t b : stage.buffers) at[b] = locate(b, step);
      run_segments(plan_, alone, weights_, at, first, count, flat_.data(), flat_alone_.data(),
                   scratch);
    }
  }
}

template <class T>
void Block<T>::span_product(std::int32_t place, int begin, int end, int first, int rows,
                            const Scratch<T>& scratch) {
  const std::int32_t begun_by = weights_.together ? plan_.begun_by[place] : -1;
  const Instruction& last = plan_.instructions[place];
  const Instruction& begins = begun_by < 0 ? last : plan_.instructions[begun_by];
  const Operand &a = begins.in[0], &then = last.in[0], &onto = begins.in[1], &out = last.out;
  int count = 0;
  // A few rows: each of them over time. Otherwise each time over its rows.
  if (order_.natural() && rows < 4) {
    for (int r = first; r < first + rows; ++r) {
      const auto over_time = [&](const Operand& operand) {
        return Rows<T>{locate(operand.buffer, begin)[r] + operand.offset, time_step(operand.buffer),
                       nullptr, 0};
      };
      scratch.products[count++] = {end - begin,
                                   {over_time(a), over_time(then)},
                                   onto.buffer < 0 ? Rows<T>{} : over_time(onto),
                                   over_time(out)};
    }
  } else {
    for (int step = begin; step < end; ++step) {
      const int running = active(step, first, rows);
      if (running == 0) break;
      const auto over_rows = [&](const Operand& operand) {
        return locate(operand.buffer, step).from(first).plus(operand.offset);
      };
      scratch.products[count++] = {running,
                                   {over_rows(a), over_rows(then)},
                                   onto.buffer < 0 ? Rows<T>{} : over_rows(onto),
                                   over_rows(out)};
    }
  }
  const auto factor = [&](const Instruction& of) {
    return Factor<T>{weights_.packed + plan_.packed_offsets[of.extra], plan_.matrices[of.extra].k};
  };
  const Factor<T> factors[] = {factor(begins), factor(last)};
  plan_.kernels.product(factors, begun_by < 0 ? 1 : 2, plan_.matrices[last.extra].n,
                        scratch.products, count);
}

template void pack_weights<float>(const Plan<float>&, const float* const*, Packing, float*);
template void pack_weights<double>(const Plan<double>&, const double* const*, Packing, double*);
template struct Scratch<float>;
template struct Scratch<double>;
template class Block<float>;
template class Block<double>;

}  // namespace recurra
