#include "bindings/state_table.h"
#include "bindings/weights.h"
#include "streams/keyed_steps.h"

namespace recurra {
namespace {

using nb::literals::operator""_a;

// Steps the batch that a table has resolved.
template <class T>
class KeyedStepper {
 public:
  KeyedStepper(PlanWithMemory<T>& shared, PlanWeights<T>& weights, int most_rows)
      : steps_(shared.plan, weights.given(), weights.packed(Packing::many_rows),
               weights.packed(Packing::one_row), most_rows) {}

  nb::object step(TableWithBatch& keyed, const Rowed<T, 2>& xs, bool only_finite,
                  std::int64_t now) {
    Batch& batch = keyed.batch;
    demand(keyed.table.row_bytes() == static_cast<std::size_t>(steps_.state_size()) * sizeof(T),
           "the table has states of another size");
    demand(
        xs.shape(0) == batch.events() && xs.shape(1) == static_cast<std::size_t>(steps_.x_size()),
        "xs has another shape");
    const auto [array, ys] = fresh<T>({static_cast<std::int64_t>(batch.events()), steps_.y_size()});
    const nb::gil_scoped_release released;
    steps_.run(batch, xs.data(), ys, only_finite);
    batch.finish(now);
    return array;
  }

 private:
  KeyedSteps<T> steps_;
};

}  // namespace

template <class T>
void bind_keyed_stepper(nb::module_& m, const char* name) {
  nb::class_<KeyedStepper<T>>(m, name)
      .def(nb::init<PlanWithMemory<T>&, PlanWeights<T>&, int>(), "plan"_a, "weights"_a,
           "most_rows"_a, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>())
      .def("step", &KeyedStepper<T>::step, "table"_a, "xs"_a, "only_finite"_a, "now"_a,
           "The answers; the batch counts from then on.");
}

template void bind_keyed_stepper<float>(nb::module_&, const char*);
template void bind_keyed_stepper<double>(nb::module_&, const char*);

}  // namespace recurra
