// Some rows of a call, run through a plan: all that a step touches, bound to memory.
//
// Rows are numbered from the block's first. Rows that are longer come first, so those that still run
// at a step are the first ones.
#pragma once

#include <vector>

#include "plan/call.h"
#include "plan/memory.h"
#include "plan/plan.h"
#include "plan/team.h"

namespace recurra {

// The order in which rows are run, and their lengths in it.
struct RowOrder {
  RowOrder(int rows, int time, const std::int64_t* lengths);
  bool natural() const { return order.empty(); }
  int row(int place) const { return natural() ? place : order[place]; }
  std::int64_t length(int place) const { return natural() ? time : lengths[place]; }

  std::vector<std::int32_t> order;  // empty where rows run as they come
  std::vector<std::int64_t> lengths;
  std::int64_t time;
};

// How matrices are packed: for many rows at a time, for one, or for one in loops over time only.
enum class Packing { many_rows, one_row, one_row_in_loops };

// Weights as a run reads them: every weight as it came, and the packed matrices.
template <class T>
struct Weights {
  const T* const* given;
  const T* packed;
  Packing packing;
  // Whether products make those too that they go on from: with enough rows to share each panel, answers
  // need not wait in memory.
  bool together = false;
};

// Rows from which on that is faster.
constexpr int kFewestTogether = 8;

// Whether a matrix is packed for one row. One that is multiplied for all times at once too is not.
template <class T>
bool packed_for_one_row(const Plan<T>& plan, Packing packing, std::size_t matrix) {
  return packing == Packing::one_row ||
         (packing == Packing::one_row_in_loops && plan.in_loops_only[matrix]);
}

template <class T>
std::size_t packed_count(const Plan<T>& plan) {
  return plan.packed_offsets.back();
}
template <class T>
void pack_weights(const Plan<T>& plan, const T* const* given, Packing packing, T* packed);

// Scratch memory of one thread.
template <class T>
struct Scratch {
  static std::size_t bytes(const Plan<T>& plan, int steps);
  Scratch(const Plan<T>& plan, int steps, Memory& memory);

  T* tile;
  T* outer;
  ProductRows<T>* products;
  OuterRows<T>* outers;
  Rows<T>* buffers;                       // as the current step sees them
  std::int64_t* moves;                    // of each of a stage's buffers, from a step to the next
  Team<T>* team = nullptr;                // shares the products of a single row
  mutable bool last_panel_first = false;  // in the products of a single row, at every other step
};

template <class T>
class Block {
 public:
  static std::size_t bytes(const Plan<T>& plan, int rows, int steps);

  // Rows first ... first + rows of the order, in chunks of up to `steps` steps.
  Block(const Plan<T>& plan, const Call<T>& call, const RowOrder& order, const Weights<T>& weights,
        int first, int rows, int steps, Memory& memory);

  void begin();   // states from the call
  void finish();  // states to the call, zeros past each row's length
  void enter(int begin) { chunk_begin_ = begin; }  // the chunk that starts at a step
  // Stages over the steps of a chunk, for some of the rows.
  void run(int begin, int end, int first, int rows, const Scratch<T>& scratch);
  // A part of the weights' gradients over those steps, for all rows.
  void run_weights(int begin, int end, int part, int parts, const Scratch<T>& scratch);
  std::int64_t longest() const { return length(0); }

 private:
  std::int64_t length(int row) const { return order_.length(first_ + row); }
  int active(std::int64_t step, int first, int rows) const;
  Rows<T> locate(int buffer, std::int64_t step) const;
  std::int64_t time_step(int buffer) const;  // from a step to the next; for untabled buffers
  bool starts_again(int row, std::int64_t step) const;
  void reset_states(const Stage& stage, std::int64_t step, int first, int rows, Rows<T>* at);
  void fetch_ahead(const Stage& stage, const Rows<T>* at, const std::int64_t* moves, int first,
                   int rows) const;
  void run_span(const Stage& stage, int begin, int end, int first, int rows, const Scratch<T>&);
  void run_loop(const Stage& stage, int begin, int end, int first, int rows, const Scratch<T>&);
  void span_product(std::int32_t place, int begin, int end, int first, int rows, const Scratch<T>&);
  void outer(const Instruction&, int begin, int end, int part, int parts, const Scratch<T>&);
  void column_sum(const Instruction&, int begin, int end, int part, int parts, const Scratch<T>&);
  void scatter(const Instruction&, int begin, int end, int part, int parts, const Scratch<T>&);

  const Plan<T>& plan_;
  const Call<T>& call_;
  const RowOrder& order_;
  const Weights<T> weights_;
  const int first_, rows_, steps_;
  int chunk_begin_ = 0;
  std::vector<T*> memory_;               // of state, step and chunk buffers
  std::vector<std::vector<T*>> tables_;  // of x and y buffers whose rows are not evenly spaced
  std::vector<char> flat_;               // of each instruction
  std::vector<char> flat_alone_;         // the same for a single row
};

// What a stage does at one step, on rows that are bound already.
template <class T>
void run_segments(const Plan<T>& plan, const Stage& stage, const Weights<T>& weights, Rows<T>* at,
                  int first, int rows, const char* flat, const char* flat_alone,
                  const Scratch<T>& scratch);
// Whether each instruction's rows and dims are one run of elements, by how its buffers lie.
template <class T>
void find_flat(const Plan<T>& plan, const Rows<T>* at, std::vector<char>& flat,
               std::vector<char>& flat_alone);

}  // namespace recurra
