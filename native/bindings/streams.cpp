#include "bindings/streams.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

template <class T>
using Flat = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T, int dims>
using Rowed = nb::ndarray<const T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>;
using Lengths = std::optional<Rowed<std::int64_t, 1>>;
using Resets = std::optional<Rowed<bool, 2>>;

// How many elements of a row each value of a space has.
template <class T>
std::vector<std::int64_t> sizes_of(const Plan<T>& plan, Space space) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(plan.count(space)), 0);
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.space == space) sizes[buffer.index] = buffer.size;
  }
  return sizes;
}

void demand(bool fine, const char* what) {
  if (!fine) throw nb::value_error(what);
}

// A fresh array, and its memory.
template <class T, std::size_t dims>
T* fresh(nb::list& into, const std::int64_t (&shape)[dims]) {
  npy_intp sizes[dims];
  std::copy_n(shape, dims, sizes);
  PyObject* array = PyArray_SimpleNew(static_cast<int>(dims), sizes, kNumpyType<T>);
  if (array == nullptr) throw nb::python_error();
  into.append(nb::steal(array));
  return static_cast<T*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array)));
}

// A model's weights for one plan: copies, and the packed matrices. Nothing changes them.
template <class T>
class PlanWeights {
 public:
  PlanWeights(PlanWithMemory<T>& shared, const std::vector<Flat<T>>& given) : shared_(shared) {
    const Plan<T>& plan = shared.plan;
    std::size_t bytes = 0;
    const std::vector<std::int64_t> sizes = sizes_of(plan, Space::weight);
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
    check(xs, sizes_of(plan, Space::x), {rows, time}, "an x is missing or has another shape");
    const auto state_sizes = sizes_of(plan, Space::state);
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
    for (const std::int64_t size : sizes_of(plan, Space::y)) {
      call.ys.push_back({fresh<T>(ys, {rows, time, size}), time * size, size});
    }
    for (const std::int64_t size : state_sizes) {
      call.finals.push_back(fresh<T>(finals, {rows, size}));
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

// Steps for Python: one row for a stream, many for a batch of keys.
template <class T>
class PythonStepper {
 public:
  PythonStepper(PlanWithMemory<T>& shared, PlanWeights<T>& weights, int most_rows)
      : stepper_(shared.plan, weights.given(), weights.packed(Stepper<T>::packing(most_rows)),
                 most_rows),
        most_rows_(most_rows),
        x_size_(first_size(shared.plan, Space::x)),
        y_size_(first_size(shared.plan, Space::y)),
        states_(sizes_of(shared.plan, Space::state)) {}

  // One event: x (features,) of the plan's type, lying together. None where it is anything else.
  nb::object step(nb::handle x) {
    if (!PyArray_CheckExact(x.ptr())) return nb::none();
    auto* array = reinterpret_cast<PyArrayObject*>(x.ptr());
    if (PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != x_size_ ||
        PyArray_TYPE(array) != kNumpyType<T> || !PyArray_ISCARRAY_RO(array)) {
      return nb::none();
    }
    std::memcpy(stepper_.x(0), PyArray_DATA(array), static_cast<std::size_t>(x_size_) * sizeof(T));
    stepper_.step(1);
    npy_intp size = y_size_;
    PyObject* y = PyArray_SimpleNew(1, &size, kNumpyType<T>);
    if (y == nullptr) throw nb::python_error();
    std::memcpy(PyArray_DATA(reinterpret_cast<PyArrayObject*>(y)), stepper_.y(0),
                static_cast<std::size_t>(y_size_) * sizeof(T));
    return nb::steal(y);
  }

  // Steps without Python between them, for measuring: the same event again and again.
  void repeat(int count, int rows) {
    check_rows(rows);
    const nb::gil_scoped_release released;
    for (int k = 0; k < count; ++k) stepper_.step(rows);
  }

  void step_rows(int rows) {
    check_rows(rows);
    stepper_.step(rows);
  }

  nb::ndarray<nb::numpy, T, nb::ndim<2>> x() { return view(stepper_.x(0), x_size_); }
  nb::ndarray<nb::numpy, T, nb::ndim<2>> y() { return view(stepper_.y(0), y_size_); }
  nb::ndarray<nb::numpy, T, nb::ndim<2>> state(std::size_t k) {
    if (k >= states_.size()) throw nb::index_error();
    return view(stepper_.state(static_cast<int>(k)), states_[k]);
  }

 private:
  static std::int64_t first_size(const Plan<T>& plan, Space space) {
    const std::vector<std::int64_t> sizes = sizes_of(plan, space);
    return sizes.empty() ? 0 : sizes[0];
  }

  void check_rows(int rows) const {
    if (rows < 0 || rows > most_rows_) throw nb::value_error("more rows than there is room for");
  }

  nb::ndarray<nb::numpy, T, nb::ndim<2>> view(T* data, std::int64_t size) {
    return nb::ndarray<nb::numpy, T, nb::ndim<2>>(
        data, {static_cast<std::size_t>(most_rows_), static_cast<std::size_t>(size)},
        nb::find(this));
  }

  Stepper<T> stepper_;
  int most_rows_;
  std::int64_t x_size_, y_size_;
  std::vector<std::int64_t> states_;
};

}  // namespace

template <class T>
void bind_streams(nb::module_& m, const char* weights_name, const char* stepper_name) {
  nb::class_<PlanWeights<T>>(m, weights_name)
      .def(nb::init<PlanWithMemory<T>&, const std::vector<Flat<T>>&>(), "plan"_a, "weights"_a,
           nb::keep_alive<1, 2>())
      .def("run", &PlanWeights<T>::run, "rows"_a, "time"_a, "xs"_a, "states"_a, "starts"_a,
           "lengths"_a.none(), "reset"_a.none());
  nb::class_<PythonStepper<T>>(m, stepper_name)
      .def(nb::init<PlanWithMemory<T>&, PlanWeights<T>&, int>(), "plan"_a, "weights"_a,
           "most_rows"_a, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>())
      .def("step", &PythonStepper<T>::step, "x"_a)
      .def("step_rows", &PythonStepper<T>::step_rows, "rows"_a)
      .def("repeat", &PythonStepper<T>::repeat, "count"_a, "rows"_a)
      .def("x", &PythonStepper<T>::x)
      .def("y", &PythonStepper<T>::y)
      .def("state", &PythonStepper<T>::state, "k"_a);
}

template void bind_streams<float>(nb::module_&, const char*, const char*);
template void bind_streams<double>(nb::module_&, const char*, const char*);

}  // namespace recurra
