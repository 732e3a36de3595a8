// The Python module: plans, calls by address, streams, and the check of stores.
#define RECURRA_IMPORTS_NUMPY
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/numpy_api.h"
#include "bindings/same_items.h"
#include "bindings/state_table.h"
#include "bindings/store.h"
#include "bindings/streams.h"
#include "bindings/weights.h"
#include "kernels/kernels.h"
#include "plan/plan.h"
#include "plan/pool.h"
#include "plan/run.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

const std::pair<const char*, Isa> kIsas[] = {
    {"baseline", Isa::baseline}, {"avx2", Isa::avx2}, {"avx512", Isa::avx512}};

std::string name_of(Isa isa) {
  for (const auto& [name, each] : kIsas) {
    if (each == isa) return name;
  }
  return {};
}

Isa isa_named(const std::string& name) {
  for (const auto& [each, isa] : kIsas) {
    if (name == each && supported(isa)) return isa;
  }
  throw nb::value_error(("the processor has no instruction set '" + name + "'").c_str());
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> found;
  for (const auto& [name, isa] : kIsas) {
    if (supported(isa)) found.emplace_back(name);
  }
  return found;
}

nb::dict op_numbers() {
  nb::dict numbers;
#define RECURRA_NUMBER(name) numbers[#name] = static_cast<int>(kOp_##name);
  RECURRA_ROW_OPS(RECURRA_NUMBER)
#undef RECURRA_NUMBER
  numbers["product"] = static_cast<int>(kOp_product);
  numbers["outer"] = static_cast<int>(kOp_outer);
  numbers["column_sum"] = static_cast<int>(kOp_column_sum);
  numbers["scatter"] = static_cast<int>(kOp_scatter);
  return numbers;
}

using Table = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Addresses = std::vector<std::uintptr_t>;
using Lines = std::vector<nb::tuple>;

std::vector<std::int64_t> numbers_of(const Table& table) {
  return {table.data(), table.data() + table.size()};
}

template <class T>
std::vector<T*> pointers(const Addresses& addresses) {
  std::vector<T*> found;
  found.reserve(addresses.size());
  for (const std::uintptr_t address : addresses) found.push_back(reinterpret_cast<T*>(address));
  return found;
}

template <class T>
std::vector<Line<T>> lines(const Lines& given) {
  std::vector<Line<T>> found;
  found.reserve(given.size());
  for (const nb::tuple& each : given) {
    found.push_back({reinterpret_cast<T*>(nb::cast<std::uintptr_t>(each[0])),
                     nb::cast<std::int64_t>(each[1]), nb::cast<std::int64_t>(each[2]),
                     nb::cast<bool>(each[3])});
  }
  return found;
}

template <class T>
void check_counts(const Plan<T>& plan, const Call<T>& call) {
  const auto at_least = [&](std::size_t given, Space space, const char* what) {
    demand(given >= static_cast<std::size_t>(plan.count(space)), what);
  };
  demand(call.rows >= 0 && call.time >= 0, "rows and time must not be negative");
  at_least(call.xs.size(), Space::x, "an x is missing");
  at_least(call.ys.size(), Space::y, "a y is missing");
  at_least(call.weights.size(), Space::weight, "a weight is missing");
  at_least(call.states.size(), Space::state, "a state is missing");
  at_least(call.finals.size(), Space::state, "a final state is missing");
  at_least(call.weight_grads.size(), Space::weight_grad, "a weight's gradient is missing");
  if (plan.descending) {
    at_least(call.start_grads.size(), Space::state, "a start's gradient is missing");
  } else if (call.reset != nullptr) {
    at_least(call.starts.size(), Space::state, "a start is missing");
  }
}

template <class T>
void bind_plan(nb::module_& m, const char* name) {
  using Shared = PlanWithMemory<T>;
  nb::class_<Shared>(m, name)
      .def(
          "__init__",
          [](Shared* self, const Table& buffers, const Table& instructions, const Table& stages,
             const Table& segments, const Table& matrices, const Numbers& constants,
             bool descending, const std::string& isa) {
            const Layout layout{numbers_of(buffers),
                                numbers_of(instructions),
                                numbers_of(stages),
                                numbers_of(segments),
                                numbers_of(matrices),
                                {constants.data(), constants.data() + constants.size()},
                                descending};
            new (self) Shared{{layout, isa.empty() ? chosen_isa() : isa_named(isa)}, {}};
          },
          "buffers"_a, "instructions"_a, "stages"_a, "segments"_a, "matrices"_a, "constants"_a,
          "descending"_a, "isa"_a = "")
      .def(
          "run",
          [](Shared& self, int rows, int time, bool backwards, std::uintptr_t lengths,
             std::uintptr_t reset, const Lines& xs, const Lines& ys, const Addresses& weights,
             const Addresses& states, const Addresses& starts, const Addresses& finals,
             const Addresses& weight_grads, const Addresses& start_grads) {
            Call<T> call;
            call.rows = rows;
            call.time = time;
            call.backwards = backwards;
            call.lengths = reinterpret_cast<const std::int64_t*>(lengths);
            call.reset = reinterpret_cast<const std::uint8_t*>(reset);
            call.xs = lines<T>(xs);
            call.ys = lines<T>(ys);
            call.weights = pointers<const T>(weights);
            call.states = pointers<const T>(states);
            call.starts = pointers<const T>(starts);
            call.finals = pointers<T>(finals);
            call.weight_grads = pointers<T>(weight_grads);
            call.start_grads = pointers<T>(start_grads);
            check_counts(self.plan, call);
            const nb::gil_scoped_release released;
            run_call<T>(self.plan, call, nullptr, self.memories);
          },
          "rows"_a, "time"_a, "backwards"_a, "lengths"_a, "reset"_a, "xs"_a, "ys"_a, "weights"_a,
          "states"_a, "starts"_a, "finals"_a, "weight_grads"_a, "start_grads"_a);
}

}  // namespace
}  // namespace recurra

NB_MODULE(_native, m) {
  if (_import_array() < 0) throw nb::python_error();
  // Plans are cached for as long as the process lives.
  nb::set_leak_warnings(false);
  m.def(
      "isa", [] { return recurra::name_of(recurra::chosen_isa()); },
      "The instruction set in use: baseline, avx2 or avx512.");
  m.def("supported_isas", &recurra::supported_isas, "The instruction sets this processor has.");
  m.def("op_numbers", &recurra::op_numbers, "The number of every op of a plan, by name.");
  m.def("threads", &recurra::threads, "Threads that a call may use.");
  m.def("set_threads", &recurra::set_threads, "count"_a);
  m.def("same_items", &recurra::same_items, "dictionaries"_a, "items"_a,
        "Whether dictionaries hold the very keys and values that lists name by turns.");
  m.attr("DIMS") = recurra::kDims;
  recurra::bind_plan<float>(m, "Plan32");
  recurra::bind_plan<double>(m, "Plan64");
  recurra::bind_streams<float>(m, "Weights32", "Stepper32");
  recurra::bind_streams<double>(m, "Weights64", "Stepper64");
  recurra::bind_state_table(m);
  recurra::bind_keyed_stepper<float>(m, "KeyedStepper32");
  recurra::bind_keyed_stepper<double>(m, "KeyedStepper64");
  recurra::bind_store(m);
}
