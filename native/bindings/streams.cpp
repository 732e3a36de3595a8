#include "bindings/streams.h"

#include <cstring>

#include "bindings/weights.h"
#include "plan/stepper.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

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
        states_(shared.plan.sizes(Space::state)) {}

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
    const std::vector<std::int64_t> sizes = plan.sizes(space);
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
