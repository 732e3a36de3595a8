#include "plan/run.h"

#include <algorithm>
#include <atomic>

#include "plan/floating_point.h"
#include "plan/pool.h"

namespace recurra {

std::unique_ptr<Memory> Memories::borrow() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (free_.empty()) return std::make_unique<Memory>();
  std::unique_ptr<Memory> memory = std::move(free_.back());
  free_.pop_back();
  return memory;
}

void Memories::give_back(std::unique_ptr<Memory> memory) {
  constexpr std::size_t kMost = 4;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (free_.size() < kMost) free_.push_back(std::move(memory));
}

namespace {

constexpr std::int64_t kMostRows = 128;              // of a block
constexpr std::int64_t kChunkBytes = 1 << 19;        // of the values that wait for a later stage
constexpr std::int64_t kFewestRowsOfAChunk = 256;    // over its steps
constexpr std::int64_t kMostSteps = 4096;            // of a chunk
constexpr std::int64_t kWorthAThread = 4'000'000;    // multiply-adds

template <class T>
int chunk_steps(const Plan<T>& plan, std::int64_t rows, std::int64_t time) {
  const std::int64_t bytes =
      std::max<std::int64_t>(1, plan.chunk_width * rows * static_cast<std::int64_t>(sizeof(T)));
  // A product over all times reads its weights once a chunk, and a sum of outer products reads and
  // writes a whole gradient: let that be rare.
  const std::int64_t enough = (kFewestRowsOfAChunk + rows - 1) / rows;
  const std::int64_t least = plan.weight_segments.empty() ? std::min<std::int64_t>(enough, 4) : enough;
  const std::int64_t steps = std::clamp(kChunkBytes / bytes, least, kMostSteps);
  return static_cast<int>(std::clamp<std::int64_t>(steps, 1, std::max<std::int64_t>(time, 1)));
}

template <class T>
void zero(const std::vector<T*>& gradients, const Plan<T>& plan, Space space, std::int64_t rows) {
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.space != space || gradients[buffer.index] == nullptr) continue;
    std::fill_n(gradients[buffer.index], buffer.size * rows, T(0));
  }
}

struct Sharing {
  int workers, rows_of_block;
};

template <class T>
Sharing share_rows(const Plan<T>& plan, const Call<T>& call) {
  const std::int64_t work = plan.multiply_adds * call.rows * call.time + 1;
  std::int64_t workers = std::min<std::int64_t>(threads(), std::max<std::int64_t>(1, work / kWorthAThread));
  workers = std::min<std::int64_t>(workers, call.rows);
  std::int64_t rows = std::min<std::int64_t>(kMostRows, call.rows);
  if (!plan.descending) rows = std::min(rows, (call.rows + workers - 1) / workers);
  return {static_cast<int>(std::max<std::int64_t>(1, workers)), static_cast<int>(std::max<std::int64_t>(1, rows))};
}

}  // namespace

template <class T>
void run_call(const Plan<T>& plan, const Call<T>& call, const T* packed, Memories& memories) {
  const FloatingPointMode mode;
  if (plan.descending) {
    zero(call.weight_grads, plan, Space::weight_grad, 1);
    zero(call.start_grads, plan, Space::state, call.rows);
  }
  if (call.rows == 0) return;
  const RowOrder order(call.rows, call.time, call.lengths);
  const Sharing sharing = share_rows(plan, call);
  const int workers = sharing.workers, block_rows = sharing.rows_of_block;
  const int steps = chunk_steps(plan, block_rows, call.time);
  const int blocks = (call.rows + block_rows - 1) / block_rows;
  const int runs = std::max(steps, 4);
  const bool apart = !plan.descending;  // each worker has a block of its own
  const std::size_t of_block = Block<T>::bytes(plan, block_rows, steps) + Memory::kAlignment;
  const std::size_t of_thread = Scratch<T>::bytes(plan, runs) + Memory::kAlignment;
  const std::size_t of_weights = packed ? 0 : packed_count(plan) * sizeof(T) + 2 * Memory::kAlignment;

  std::unique_ptr<Memory> weights_memory = memories.borrow();
  weights_memory->reserve(of_weights + static_cast<std::size_t>(workers) * of_thread);
  const Packing packing = packing_of_call(call.rows);
  if (packed == nullptr) {
    T* fresh = weights_memory->template take<T>(packed_count(plan));
    pack_weights(plan, call.weights.data(), packing, fresh);
    packed = fresh;
  }
  const Weights<T> weights{call.weights.data(), packed, packing};
  std::vector<Scratch<T>> scratches;
  for (int w = 0; w < workers; ++w) scratches.emplace_back(plan, runs, *weights_memory);

  const auto with_block = [&](int b, Memory& memory, const auto& work) {
    memory.reserve(of_block);
    const int first = b * block_rows;
    Block<T> block(plan, call, order, weights, first, std::min(block_rows, call.rows - first), steps,
                   memory);
    block.begin();
    const auto longest = static_cast<int>(block.longest());
    const int chunks = (longest + steps - 1) / steps;
    for (int c = 0; c < chunks; ++c) {
      const int begin = (plan.descending ? chunks - 1 - c : c) * steps;
      block.enter(begin);
      work(block, begin, std::min(begin + steps, longest), std::min(block_rows, call.rows - first));
    }
    block.finish();
  };

  if (apart) {
    std::atomic<int> next{0};
    parallel(workers, [&](int w) {
      std::unique_ptr<Memory> memory = memories.borrow();
      for (int b = next++; b < blocks; b = next++) {
        with_block(b, *memory, [&](Block<T>& block, int begin, int end, int rows) {
          block.run(begin, end, 0, rows, scratches[w]);
        });
      }
      memories.give_back(std::move(memory));
    });
  } else {
    std::unique_ptr<Memory> memory = memories.borrow();
    for (int b = 0; b < blocks; ++b) {
      with_block(b, *memory, [&](Block<T>& block, int begin, int end, int rows) {
        parallel(workers, [&](int w) {
          const int first = rows * w / workers, last = rows * (w + 1) / workers;
          block.run(begin, end, first, last - first, scratches[w]);
        });
        parallel(workers,
                 [&](int w) { block.run_weights(begin, end, w, workers, scratches[w]); });
      });
    }
    memories.give_back(std::move(memory));
  }
  memories.give_back(std::move(weights_memory));
}

template void run_call<float>(const Plan<float>&, const Call<float>&, const float*, Memories&);
template void run_call<double>(const Plan<double>&, const Call<double>&, const double*, Memories&);

}  // namespace recurra
