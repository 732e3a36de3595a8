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

constexpr std::int64_t kMostRows = 128;            // of a block
constexpr std::int64_t kChunkBytes = 1 << 19;      // of the values that wait for a later stage
constexpr std::int64_t kFewestRows = 64;           // of a chunk, over its steps
constexpr std::int64_t kFewestRowsToSum = 256;     // where weights' gradients are summed over them
constexpr std::int64_t kMostSteps = 4096;          // of a chunk
constexpr std::int64_t kWorthAThread = 4'000'000;  // multiply-adds

template <class T>
int chunk_steps(const Plan<T>& plan, std::int64_t rows, std::int64_t time) {
  const std::int64_t bytes =
      std::max<std::int64_t>(1, plan.chunk_width * rows * static_cast<std::int64_t>(sizeof(T)));
  // A product over all times reads its weights once a chunk, and a sum of outer products reads and
  // writes a whole gradient: let that be rare.
  const std::int64_t fewest = plan.weight_segments.empty() ? kFewestRows : kFewestRowsToSum;
  const std::int64_t least = std::min((fewest + rows - 1) / rows, kMostSteps);
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
  std::int64_t workers =
      std::min<std::int64_t>(threads(), std::max<std::int64_t>(1, work / kWorthAThread));
  workers = std::min<std::int64_t>(workers, call.rows);
  std::int64_t rows = std::min<std::int64_t>(kMostRows, call.rows);
  if (!plan.descending) rows = std::min(rows, (call.rows + workers - 1) / workers);
  return {static_cast<int>(std::max<std::int64_t>(1, workers)),
          static_cast<int>(std::max<std::int64_t>(1, rows))};
}

// One call, divided.
template <class T>
class Run {
 public:
  Run(const Plan<T>& plan, const Call<T>& call, const T* packed, Memories& memories)
      : plan_(plan),
        call_(call),
        memories_(memories),
        order_(call.rows, call.time, call.lengths),
        sharing_(share_rows(plan, call)),
        steps_(chunk_steps(plan, sharing_.rows_of_block, call.time)),
        blocks_((call.rows + sharing_.rows_of_block - 1) / sharing_.rows_of_block),
        memory_(memories.borrow()) {
    const int runs = std::max(steps_, 4);
    const std::size_t of_weights =
        packed ? 0 : packed_count(plan) * sizeof(T) + 2 * Memory::kAlignment;
    const std::size_t of_thread = Scratch<T>::bytes(plan, runs) + Memory::kAlignment;
    memory_->reserve(of_weights + static_cast<std::size_t>(sharing_.workers) * of_thread);
    const Packing packing = packing_of_call(call.rows);
    if (packed == nullptr) {
      T* fresh = memory_->template take<T>(packed_count(plan));
      pack_weights(plan, call.weights.data(), packing, fresh);
      packed = fresh;
    }
    const bool together =
        packing == Packing::many_rows && sharing_.rows_of_block >= kFewestTogether;
    weights_ = {call.weights.data(), packed, packing, together};
    for (int w = 0; w < sharing_.workers; ++w) scratches_.emplace_back(plan, runs, *memory_);
  }
  ~Run() { memories_.give_back(std::move(memory_)); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void go() {
    if (plan_.descending) {
      together();
    } else if (call_.rows == 1 && worth_a_team()) {
      by_two();
    } else {
      apart();
    }
  }

 private:
  // Each worker takes one block after the other.
  void apart() {
    std::atomic<int> next{0};
    parallel(sharing_.workers, [&](int w) {
      std::unique_ptr<Memory> memory = memories_.borrow();
      for (int b = next++; b < blocks_; b = next++) {
        over_chunks(b, *memory, [&](Block<T>& block, int begin, int end, int rows) {
          block.run(begin, end, 0, rows, scratches_[w]);
        });
      }
      memories_.give_back(std::move(memory));
    });
  }

  // All workers share each block: rows first, then the outputs of the weights' gradients, which are
  // sums over all of its rows.
  void together() {
    std::unique_ptr<Memory> memory = memories_.borrow();
    for (int b = 0; b < blocks_; ++b) {
      over_chunks(b, *memory, [&](Block<T>& block, int begin, int end, int rows) {
        const int workers = sharing_.workers;
        parallel(workers, [&](int w) {
          const int first = rows * w / workers, last = rows * (w + 1) / workers;
          block.run(begin, end, first, last - first, scratches_[w]);
        });
        parallel(workers, [&](int w) { block.run_weights(begin, end, w, workers, scratches_[w]); });
      });
    }
    memories_.give_back(std::move(memory));
  }

  // A single row whose products are wide: a second thread makes half of their outputs.
  void by_two() {
    Team<T> team(plan_.kernels);
    scratches_[0].team = &team;
    parallel(2, [&](int part) {
      if (part == 1) {
        team.help();
        return;
      }
      struct Close {
        Team<T>& team;
        ~Close() { team.close(); }
      } close{team};
      apart();
    });
    scratches_[0].team = nullptr;
  }

  bool worth_a_team() const {
    if (threads() < 2 || call_.time < 2) return false;
    for (std::size_t m = 0; m < plan_.matrices.size(); ++m) {
      const Matrix& matrix = plan_.matrices[m];
      const std::int64_t work = static_cast<std::int64_t>(matrix.n) * matrix.k;
      if (plan_.in_loops_only[m] && work >= Team<T>::kWorthMeeting) return true;
    }
    return false;
  }

  template <class Work>
  void over_chunks(int b, Memory& memory, const Work& work) {
    const int most = sharing_.rows_of_block;
    memory.reserve(Block<T>::bytes(plan_, most, steps_) + Memory::kAlignment);
    const int first = b * most, rows = std::min(most, call_.rows - first);
    Block<T> block(plan_, call_, order_, weights_, first, rows, steps_, memory);
    block.begin();
    const auto longest = static_cast<int>(block.longest());
    const int chunks = (longest + steps_ - 1) / steps_;
    for (int c = 0; c < chunks; ++c) {
      const int begin = (plan_.descending ? chunks - 1 - c : c) * steps_;
      block.enter(begin);
      work(block, begin, std::min(begin + steps_, longest), rows);
    }
    block.finish();
  }

  const Plan<T>& plan_;
  const Call<T>& call_;
  Memories& memories_;
  const RowOrder order_;
  const Sharing sharing_;
  const int steps_, blocks_;
  std::unique_ptr<Memory> memory_;  // of the weights and the threads
  Weights<T> weights_{};
  std::vector<Scratch<T>> scratches_;
};

}  // namespace

template <class T>
void run_call(const Plan<T>& plan, const Call<T>& call, const T* packed, Memories& memories) {
  const FloatingPointMode mode;
  if (plan.descending) {
    zero(call.weight_grads, plan, Space::weight_grad, 1);
    zero(call.start_grads, plan, Space::state, call.rows);
  }
  if (call.rows > 0) Run<T>(plan, call, packed, memories).go();
}

template void run_call<float>(const Plan<float>&, const Call<float>&, const float*, Memories&);
template void run_call<double>(const Plan<double>&, const Call<double>&, const double*, Memories&);

}  // namespace recurra
