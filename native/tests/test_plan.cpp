// Whole calls of plans that write_layouts.py laid out: for the sanitizers to watch, and the same bits
// on any number of threads, with any instruction set.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "plan/pool.h"
#include "plan/run.h"
#include "tests/check.h"

using namespace recurra;

namespace {

template <class Number>
std::vector<Number> numbers_in(std::istream& in) {
  std::size_t count = 0;
  in >> count;
  std::vector<Number> numbers(count);
  for (Number& number : numbers) in >> number;
  return numbers;
}

Layout read_layout(const std::filesystem::path& path) {
  std::ifstream in(path);
  Layout layout;
  in >> layout.descending;
  for (auto* table : {&layout.buffers, &layout.instructions, &layout.stages, &layout.segments,
                      &layout.matrices}) {
    *table = numbers_in<std::int64_t>(in);
  }
  layout.constants = numbers_in<double>(in);
  if (!in) throw std::runtime_error(path.string() + " is no layout");
  return layout;
}

std::map<std::string, Layout> layouts() {
  std::map<std::string, Layout> found;
  for (const auto& file : std::filesystem::directory_iterator(RECURRA_LAYOUTS)) {
    found[file.path().stem()] = read_layout(file.path());
  }
  return found;
}

// A call of a plan with arrays of its own, filled from a seed.
class Run {
 public:
  Run(const Layout& layout, Isa isa, int rows, int time) : plan_(layout, isa) {
    call_.rows = rows;
    call_.time = time;
    lengths_.resize(static_cast<std::size_t>(rows));
    for (std::int64_t& length : lengths_) length = static_cast<int>(random_() % (time + 1u));
    reset_.resize(static_cast<std::size_t>(rows * time));
    for (std::uint8_t& flag : reset_) flag = random_() % 8 == 0;
    call_.lengths = lengths_.data();
    call_.reset = reset_.data();
    for (Space space : {Space::x, Space::y}) give_lines(space);
    give(Space::weight, 1, [this](float* weight) { call_.weights.push_back(weight); });
    give(Space::weight_grad, 1, [this](float* grad) { call_.weight_grads.push_back(grad); });
    give(Space::state, rows, [this](float* state) { call_.states.push_back(state); });
    give(Space::state, rows, [this](float* start) { call_.starts.push_back(start); });
    give(Space::state, rows, [this](float* final) { call_.finals.push_back(final); });
    give(Space::state, rows, [this](float* grad) { call_.start_grads.push_back(grad); });
  }

  // Every number there is afterwards, given or made.
  std::vector<std::vector<float>> numbers() {
    Memories memories;
    run_call<float>(plan_, call_, nullptr, memories);
    return arrays_;
  }

 private:
  std::vector<std::int64_t> sizes(Space space) const {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(plan_.count(space)), 0);
    for (const Buffer& buffer : plan_.buffers) {
      if (buffer.space == space) sizes[static_cast<std::size_t>(buffer.index)] = buffer.size;
    }
    return sizes;
  }

  float* array(std::int64_t count) {
    std::vector<float> numbers(static_cast<std::size_t>(count));
    for (float& number : numbers) number = static_cast<float>(random_() >> 8) * 0x1p-24f - 0.5f;
    arrays_.push_back(std::move(numbers));
    return arrays_.back().data();
  }

  template <class Take>
  void give(Space space, int rows, Take take) {
    for (std::int64_t size : sizes(space)) take(array(size * rows));
  }

  void give_lines(Space space) {
    for (std::int64_t size : sizes(space)) {
      Line<float> line{array(size * call_.rows * call_.time), size * call_.time, size, false};
      (space == Space::x ? call_.xs : call_.ys).push_back(line);
    }
  }

  std::mt19937 random_{7};
  Plan<float> plan_;
  Call<float> call_;
  std::vector<std::int64_t> lengths_;
  std::vector<std::uint8_t> reset_;
  std::vector<std::vector<float>> arrays_;
};

bool same_bits(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k].size() != b[k].size()) return false;
    if (std::memcmp(a[k].data(), b[k].data(), a[k].size() * sizeof(float)) != 0) return false;
  }
  return true;
}

// Of all bits, to compare this machine's with another's.
std::uint64_t hash(const std::vector<std::vector<float>>& arrays) {
  std::uint64_t found = 14695981039346656037u;  // FNV-1a
  for (const std::vector<float>& array : arrays) {
    for (const float number : array) {
      std::uint32_t bits;
      std::memcpy(&bits, &number, sizeof bits);
      found = (found ^ bits) * 1099511628211u;
    }
  }
  return found;
}

}  // namespace

RECURRA_TEST(plans_give_the_same_bits_on_any_number_of_threads_with_any_instruction_set) {
  for (const auto& [name, layout] : layouts()) {
    set_threads(1);
    const auto wanted = Run(layout, Isa::baseline, 37, 23).numbers();
    std::printf("       %s %016llx\n", name.c_str(), static_cast<unsigned long long>(hash(wanted)));
    for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
      if (!supported(isa)) continue;
      for (int count : {1, 2, 3}) {
        set_threads(count);
        if (!same_bits(Run(layout, isa, 37, 23).numbers(), wanted)) {
          checks::fail(__FILE__, __LINE__, (name + " gives other bits").c_str());
        }
      }
    }
  }
}

RECURRA_TEST(every_layout_was_there) { CHECK_EQUAL(layouts().size(), 12u); }

RECURRA_TEST(a_changed_number_is_noticed) {
  const auto layout = layouts().at("lstm");
  auto numbers = Run(layout, Isa::baseline, 3, 2).numbers();
  const auto wanted = numbers;
  numbers.back().back() += 1e-3f;
  CHECK(!same_bits(numbers, wanted));
}

int main() { return recurra::checks::run_all(); }
