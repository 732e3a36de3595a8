// Plans of one instruction, and why they are refused.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/sketch.h"

namespace recurra::tests {

// Why a plan is refused, or nothing.
template <class T>
std::string refusal(const Layout& layout) {
  try {
    const Plan<T> plan(layout, Isa::baseline);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

// A buffer of every space, and the number of each. All have 12 elements but the constant, which is one.
enum Numbered { kX, kY, kWeight, kGradient, kConstant, kState, kChunk, kStep, kTile };

// A layout with these buffers, and a matrix of 3 rows and 4 columns.
inline Sketch with_buffers() {
  Sketch sketch;
  for (const Space space : {Space::x, Space::y, Space::weight, Space::weight_grad, Space::constant,
                            Space::state, Space::chunk, Space::step, Space::tile}) {
    sketch.buffer(space, space == Space::constant ? 1 : 12);
  }
  sketch.layout.constants = {2.0};
  sketch.matrix(kWeight, 3, 4);
  return sketch;
}

// The kind of work that an op belongs to.
inline Work work_of(Op op) {
  return op < kRowOps ? Work::rows : op == kOp_product ? Work::product : Work::weights;
}

// An instruction, and a part of the message that refuses it; "" for one that is taken.
struct Case {
  const char* why;
  Op op;
  Numbers dims, out;
  std::vector<Numbers> in;
  std::int64_t extra = 0;
};

// A plan with the one instruction, in a loop.
inline Layout looped(const Case& given, Work work) {
  Sketch sketch = with_buffers();
  sketch.stage(true).segment(work).add(given.op, given.dims, given.out, given.in, given.extra);
  return sketch.layout;
}

inline void check_case(const Case& given, Work work) {
  const Layout layout = looped(given, work);
  for (const std::string& found : {refusal<float>(layout), refusal<double>(layout)}) {
    const std::string wanted = given.why;
    if (wanted.empty() ? found.empty() : found.find(wanted) != std::string::npos) continue;
    checks::fail(__FILE__, __LINE__, ("wanted \"" + wanted + "\", got \"" + found + '"').c_str());
  }
}

inline void check_cases(const std::vector<Case>& cases) {
  for (const Case& each : cases) check_case(each, work_of(each.op));
}

}  // namespace recurra::tests
