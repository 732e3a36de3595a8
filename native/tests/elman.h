// A plan of one recurrent layer, drawn by hand, and calls of it.
//
//   a = W x              for all times at once, or at each step
//   h <- tanh(a + R h)   and y = h
#pragma once

#include <vector>

#include "plan/run.h"
#include "tests/laid.h"
#include "tests/sketch.h"

namespace recurra::tests {

// With `tied`, R is W and the layer as wide as its input.
inline Layout elman_layout(int inputs, int size, bool all_times, bool tied = false) {
  Sketch sketch;
  const auto x = sketch.buffer(Space::x, inputs), y = sketch.buffer(Space::y, size);
  const auto w = sketch.buffer(Space::weight, size * inputs);
  const auto r = tied ? w : sketch.buffer(Space::weight, size * size);
  const auto h = sketch.buffer(Space::state, size);
  const auto a = sketch.buffer(all_times ? Space::chunk : Space::step, size);
  const auto sum = sketch.buffer(Space::step, size);
  const auto of_x = sketch.matrix(w, size, inputs);
  const auto of_h = tied ? of_x : sketch.matrix(r, size, size);
  const Numbers row = {1, 1, 1, size};

  sketch.stage(!all_times).segment(Work::product);
  sketch.add(kOp_product, {1, 1, size, inputs}, along(a), {along(x)}, of_x);
  if (all_times) sketch.stage(true);
  sketch.segment(Work::product);
  sketch.add(kOp_product, {1, 1, size, size}, along(sum), {along(h), along(a)}, of_h);
  sketch.segment(Work::rows);
  sketch.add(kOp_tanh, row, along(h), {along(sum)});
  sketch.add(kOp_copy, row, along(y), {along(h)});
  return sketch.layout;
}

// A call's numbers: the same for the same sizes, row after row and time after time.
struct ElmanCall {
  ElmanCall(int rows_, int time_, int inputs_, int size_, double scale = 1)
      : rows(rows_), time(time_), inputs(inputs_), size(size_) {
    Random random;
    w.resize(static_cast<std::size_t>(size * inputs));
    r.resize(static_cast<std::size_t>(size * size));
    for (auto* matrix : {&w, &r}) {
      for (float& each : *matrix) each = static_cast<float>(random() / 4);
    }
    x.resize(static_cast<std::size_t>(rows * time * inputs));
    for (float& each : x) each = static_cast<float>(random() * scale);
    h.assign(static_cast<std::size_t>(rows * size), 0.0f);
    y.assign(static_cast<std::size_t>(rows * time * size), kUntouched<float>);
  }

  // The answers; the states after them are in h.
  const std::vector<float>& run(const Plan<float>& plan, int first = 0, int count = -1) {
    if (count < 0) count = rows;
    Call<float> call;
    call.rows = count;
    call.time = time;
    call.xs = {{x.data() + first * time * inputs, time * inputs, inputs}};
    call.ys = {{y.data() + first * time * size, time * size, size}};
    call.weights = {w.data(), r.data()};
    call.states = {h.data() + first * size};
    call.finals = {h.data() + first * size};
    run_call<float>(plan, call, nullptr, memories);
    return y;
  }

  int rows, time, inputs, size;
  std::vector<float> w, r, x, h, y;
  Memories memories;
};

}  // namespace recurra::tests
