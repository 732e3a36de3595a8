// A model's weights for one plan, as Python holds them, and what a plan needs to run.
#pragma once

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "bindings/numpy_api.h"
#include "plan/run.h"

namespace recurra {

namespace nb = nanobind;

template <class T>
using Flat = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T, int dims>
using Rowed = nb::ndarray<const T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>;
using Lengths = std::optional<Rowed<std::int64_t, 1>>;
using Resets = std::optional<Rowed<bool, 2>>;

inline void demand(bool fine, const char* what) {
  if (!fine) throw nb::value_error(what);
}

template <class T>
struct PlanWithMemory {
  Plan<T> plan;
  Memories memories;
};

// A fresh array of numpy's, and its memory.
template <class T, std::size_t dims>
std::pair<nb::object, T*> fresh(const std::int64_t (&shape)[dims], int type = kNumpyType<T>) {
  npy_intp sizes[dims];
  std::copy_n(shape, dims, sizes);
  PyObject* array = PyArray_SimpleNew(static_cast<int>(dims), sizes, type);
  if (array == nullptr) throw nb::python_error();
  void* data = PyArray_DATA(reinterpret_cast<PyArrayObject*>(array));
  return {nb::steal(array), static_cast<T*>(data)};
}

// Copies of the weights, and the packed matrices. Nothing changes them.
template <class T>
class PlanWeights {
 public:
  PlanWeights(PlanWithMemory<T>& shared, const std::vector<Flat<T>>& given) : shared_(shared) {
    const Plan<T>& plan = shared.plan;
    std::size_t bytes = 0;
    const std::vector<std::int64_t> sizes = plan.sizes(Space::weight);
    if (given.size() < sizes.size()) throw nb::value_error("a weight is missing");
    for (const auto& each : given) bytes += Memory::rounded(each.size() * sizeof(T));
    memory_.reserve(bytes);
    for (std::size_t k = 0; k < given.size(); ++k) {
      if (k < sizes.size() && given[k].size() < static_cast<std::size_t>(sizes[k])) {
        throw nb::value_error("a weight is too small");
      }
      T* copy = memory_.template take<T>(given[k].size());
      std::copy_n(given[k].data(), given[k].size(), copy);
      given_.push_back(copy);
    }
  }

  const T* const* given() const { return given_.data(); }
  // Packed when first asked for.
  const T* packed(Packing packing) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Memory& memory = packed_[static_cast<int>(packing)];
    const std::size_t count = packed_count(shared_.plan);
    T*& matrices = matrices_[static_cast<int>(packing)];
    if (matrices == nullptr) {
      memory.reserve(count * sizeof(T) + Memory::kAlignment);
      matrices = memory.template take<T>(count);
      pack_weights(shared_.plan, given_.data(), packing, matrices);
    }
    return matrices;
  }

  // Whole sequences: xs (rows, time, size), states (rows, size), and with `reset` the states to
  // start again from. Gives the answers (rows, time, size) and the states after them.
  nb::tuple run(int rows, int time, const std::vector<Rowed<T, 3>>& xs,
                const std::vector<Rowed<T, 2>>& states, const std::vector<Rowed<T, 2>>& starts,
                const Lengths& lengths, const Resets& reset) {
    const Plan<T>& plan = shared_.plan;
    demand(rows >= 0 && time >= 0, "rows and time must not be negative");
    check(xs, plan.sizes(Space::x), {rows, time}, "an x is missing or has another shape");
    const auto state_sizes = plan.sizes(Space::state);
    check(states, state_sizes, {rows}, "a state is missing or has another shape");
    Call<T> call;
    call.rows = rows;
    call.time = time;
    call.weights = given_;
    for (const auto& x : xs) {
      const std::int64_t size = static_cast<std::int64_t>(x.shape(2));
      call.xs.push_back({const_cast<T*>(x.data()), time * size, size});
    }
    for (const auto& state : states) call.states.push_back(state.data());
    if (lengths) {
      demand(lengths->shape(0) == static_cast<std::size_t>(rows), "lengths are not one a row");
      call.lengths = lengths->data();
      for (int r = 0; r < rows; ++r) {
        demand(call.lengths[r] >= 0 && call.lengths[r] <= time, "a length is out of range");
      }
    }
    if (reset) {
      demand(reset->shape(0) == static_cast<std::size_t>(rows) &&
                 reset->shape(1) == static_cast<std::size_t>(time),
             "reset is not a flag for every row and step");
      check(starts, state_sizes, {rows}, "a start is missing or has another shape");
      call.reset = reinterpret_cast<const std::uint8_t*>(reset->data());
      for (const auto& start : starts) call.starts.push_back(start.data());
    }
    nb::list ys, finals;
    for (const std::int64_t size : plan.sizes(Space::y)) {
      const auto [y, values] = fresh<T>({rows, time, size});
      ys.append(y);
      call.ys.push_back({values, time * size, size});
    }
    for (const std::int64_t size : state_sizes) {
      const auto [final, values] = fresh<T>({rows, size});
      finals.append(final);
      call.finals.push_back(values);
    }
    const T* const matrices = packed(packing_of_call(rows));
    {
      const nb::gil_scoped_release released;
      run_call<T>(plan, call, matrices, shared_.memories);
    }
    return nb::make_tuple(ys, finals);
  }

 private:
  template <class Arrays>
  static void check(const Arrays& arrays, const std::vector<std::int64_t>& sizes,
                    std::initializer_list<int> leading, const char* what) {
    demand(arrays.size() == sizes.size(), what);
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      std::size_t axis = 0;
      for (const int size : leading) {
        demand(arrays[k].shape(axis++) == static_cast<std::size_t>(size), what);
      }
      demand(arrays[k].shape(axis) == static_cast<std::size_t>(sizes[k]), what);
    }
  }

  PlanWithMemory<T>& shared_;
  Memory memory_;
  std::vector<const T*> given_;
  std::mutex mutex_;
  Memory packed_[3];  // by Packing
  T* matrices_[3] = {};
};

}  // namespace recurra
