// Products of weights with rows: the same, to the bit, as fused multiply-adds one after the other.
#include <cmath>
#include <limits>
#include <numeric>

#include "plan/one_row.h"
#include "tests/check.h"
#include "tests/laid.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

// Around the width of every vector and panel, and past a block of each.
constexpr int kSizes[] = {0,  1,  2,  3,  4,  5,  7,  8,   9,   14, 15,
                          16, 17, 31, 32, 33, 50, 65, 130, 300, 520};
constexpr int kRows[] = {0, 1, 2, 3, 5, 8, 9, 17, 33};

enum class Onto { none, vector, rows, in_place };

constexpr Onto kOnto[] = {Onto::none, Onto::vector, Onto::rows, Onto::in_place};

struct Case {
  int n, k;
  std::vector<int> runs;  // rows of each
  Lie a = Lie::together, out = Lie::together;
  Onto onto = Onto::none;
  bool transposed = false;  // how the weights lie
  bool descending = false;  // the wrong order
  int more = -1;            // columns of a second matrix, if there is one
};

std::ostream& operator<<(std::ostream& to, const Case& given) {
  to << "n " << given.n << " k " << given.k << " rows";
  for (const int rows : given.runs) to << ' ' << rows;
  to << " onto " << static_cast<int>(given.onto) << " transposed " << given.transposed;
  return to << " more " << given.more;
}

template <class T>
struct Weights {
  Weights(const Case& given, Random& random) : Weights(given, given.k, random) {}
  Weights(const Case& given, int columns, Random& random)
      : n(given.n), k(columns), transposed(given.transposed), numbers(std::size_t(n) * k) {
    for (T& each : numbers) each = static_cast<T>(random());
  }
  T operator()(int i, int j) const { return numbers[i * row_stride() + j * column_stride()]; }
  std::ptrdiff_t row_stride() const { return transposed ? 1 : k; }
  std::ptrdiff_t column_stride() const { return transposed ? n : 1; }
  std::vector<T> packed(const Kernels<T>& kernels, bool for_one_row) const {
    std::vector<T> to(kernels.packed_size(n, k) + 1, kUntouched<T>);
    kernels.pack(numbers.data(), row_stride(), column_stride(), n, k, for_one_row, to.data());
    CHECK(to.back() == kUntouched<T>);
    to.pop_back();
    to.shrink_to_fit();
    return to;
  }

  int n, k;
  bool transposed;
  std::vector<T> numbers;
};

template <class T>
T summed(const Weights<T>& w, int i, Laid<T>& a, int row, T start, bool descending = false) {
  for (int j = 0; j < w.k; ++j) {
    const int at = descending ? w.k - 1 - j : j;
    start = std::fma(a.at(row, at), w(i, at), start);
  }
  return start;
}

// The rows of all runs lie in one memory, one after the other.
template <class T>
std::string problem(const Case& given, Isa isa) {
  Random random;
  const int rows = std::accumulate(given.runs.begin(), given.runs.end(), 0);
  const bool two = given.more >= 0;
  const Weights<T> w(given, random), v(given, two ? given.more : 0, random);
  Laid<T> a(rows, given.k, given.a), onto(rows, given.n, given.a), out(rows, given.n, given.out);
  Laid<T> b(rows, v.k, given.onto == Onto::vector ? given.out : given.a);
  b.fill(random);
  std::vector<T> vector(static_cast<std::size_t>(given.n));
  a.fill(random);
  onto.fill(random);
  for (T& each : vector) each = static_cast<T>(random());
  if (given.onto == Onto::in_place) out.fill(random);

  std::vector<T> wanted = out.memory;
  std::vector<ProductRows<T>> runs;
  int first = 0;
  for (const int count : given.runs) {
    const Rows<T> to = out.rows().from(first);
    const Rows<T> start = given.onto == Onto::none     ? Rows<T>{}
                          : given.onto == Onto::vector ? Rows<T>{vector.data(), 0, nullptr, 0}
                          : given.onto == Onto::rows   ? onto.rows().from(first)
                                                       : to;
    for (int r = first; r < first + count; ++r) {
      for (int i = 0; i < given.n; ++i) {
        const T from = start.none() ? T(0) : start[r - first][i];
        const T sum = summed(w, i, a, r, from, given.descending);
        wanted[out.place(r, i)] = summed(v, i, b, r, sum);
      }
    }
    runs.push_back({count, {a.rows().from(first), b.rows().from(first)}, start, to});
    first += count;
  }
  const Kernels<T>& use = kernels<T>(isa);
  const std::vector<T> first_packed = w.packed(use, false), then_packed = v.packed(use, false);
  const Factor<T> factors[] = {{first_packed.data(), w.k}, {then_packed.data(), v.k}};
  use.product(factors, two ? 2 : 1, given.n, runs.data(), static_cast<int>(runs.size()));
  return difference(out.memory, wanted);
}

template <class T>
std::string problem_of_one_row(const Case& given, Isa isa) {
  Random random;
  const Weights<T> w(given, random);
  Laid<T> a(1, given.k, Lie::apart), onto(1, given.n, Lie::apart), out(1, given.n, Lie::apart);
  a.fill(random);
  onto.fill(random);
  if (given.onto == Onto::in_place) out.fill(random);
  const T* start = given.onto == Onto::none       ? nullptr
                   : given.onto == Onto::in_place ? out.rows()[0]
                                                  : onto.rows()[0];
  std::vector<T> wanted = out.memory;
  for (int i = 0; i < given.n; ++i)
    wanted[out.place(0, i)] = summed(w, i, a, 0, start ? start[i] : T(0));
  const Kernels<T>& use = kernels<T>(isa);
  const std::vector<T> packed = w.packed(use, true);
  use.product_of_one_row(packed.data(), given.n, given.k, a.rows()[0], start, out.rows()[0],
                         packed.data());
  return difference(out.memory, wanted);
}

// Two products, the second starting from the answer of the first or from nothing, from any panel on.
template <class T>
std::string problem_of_a_chain(const Case& given, Isa isa) {
  Random random;
  const Kernels<T>& use = kernels<T>(isa);
  const Weights<T> w(given, random), r({given.n, given.k / 2 + 1, {}}, random);
  const std::vector<T> first = w.packed(use, true), second = r.packed(use, true);
  Laid<T> x(1, w.k, Lie::apart), h(1, r.k, Lie::apart);
  x.fill(random);
  h.fill(random);
  const bool onto = given.onto == Onto::in_place;
  for (const bool last_panel_first : {false, true}) {
    for (int from = 0; from <= given.n; from += use.wide_panel) {
      Laid<T> a(1, given.n, Lie::apart), b(1, given.n, Lie::apart);
      std::vector<T> wanted_a = a.memory, wanted_b = b.memory;
      for (int i = from; i < given.n; ++i) {
        const T sum = summed(w, i, x, 0, T(0));
        wanted_a[a.place(0, i)] = sum;
        wanted_b[b.place(0, i)] = summed(r, i, h, 0, onto ? sum : T(0));
      }
      Chain<T> chain;
      chain.products[chain.count++] = {first.data(), given.n, w.k,
                                       x.rows()[0],  nullptr, a.rows()[0]};
      chain.products[chain.count++] = {
          second.data(), given.n, r.k, h.rows()[0], onto ? a.rows()[0] : nullptr, b.rows()[0]};
      run_chain(use, chain, from, given.n, last_panel_first);
      const std::string found = difference(a.memory, wanted_a) + difference(b.memory, wanted_b);
      if (!found.empty()) return found;
    }
  }
  return {};
}

template <class T>
std::string first_problem(const std::vector<Case>& cases,
                          std::string (*problem_of)(const Case&, Isa)) {
  for (const Isa isa : isas()) {
    for (const Case& given : cases) {
      const std::string found = problem_of(given, isa);
      if (found.empty()) continue;
      std::ostringstream text;
      text << "isa " << static_cast<int>(isa) << ", " << sizeof(T) << " bytes, " << given << ": "
           << found;
      return text.str();
    }
  }
  return {};
}

// Every size with every size; the rest takes turns, in cycles that do not keep step.
std::vector<Case> cases_of_all_sizes() {
  std::vector<Case> cases;
  for (const int n : kSizes) {
    for (const int k : kSizes) {
      const std::size_t turn = cases.size();
      cases.push_back({n,
                       k,
                       {kRows[turn % 9]},
                       kLies[turn % 3],
                       kLies[turn / 2 % 3],
                       kOnto[turn / 3 % 4],
                       turn / 5 % 2 == 1});
    }
  }
  return cases;
}

std::vector<Case> cases_of_all_layouts() {
  std::vector<Case> cases;
  for (const int rows : kRows) {
    for (const Lie a : kLies) {
      for (const Lie out : kLies) {
        for (const Onto onto : kOnto)
          cases.push_back({37, 11, {rows}, a, out, onto, rows % 2 == 0});
      }
    }
  }
  return cases;
}

}  // namespace

RECURRA_TEST(a_product_of_any_size_has_the_bits_of_multiply_adds_in_order) {
  CHECK_EQUAL(first_problem<float>(cases_of_all_sizes(), problem<float>), "");
  CHECK_EQUAL(first_problem<double>(cases_of_all_sizes(), problem<double>), "");
}

RECURRA_TEST(rows_may_lie_anywhere_and_start_from_anything) {
  CHECK_EQUAL(first_problem<float>(cases_of_all_layouts(), problem<float>), "");
  CHECK_EQUAL(first_problem<double>(cases_of_all_layouts(), problem<double>), "");
}

RECURRA_TEST(blocks_of_columns_change_no_bit) {
  std::vector<Case> cases;
  for (const int k : {255, 256, 257, 513, 1025, 2100}) {
    for (const Onto onto : kOnto) cases.push_back({9, k, {9}, Lie::scattered, Lie::apart, onto});
  }
  CHECK_EQUAL(first_problem<float>(cases, problem<float>), "");
  CHECK_EQUAL(first_problem<double>(cases, problem<double>), "");
}

RECURRA_TEST(two_matrices_are_multiplied_one_after_the_other) {
  std::vector<Case> cases = cases_of_all_sizes();
  for (const int k : {100, 128, 300, 1025}) {
    for (const int rows : {8, 9, 33}) {
      for (const Onto onto : kOnto) cases.push_back({9, k, {rows}, Lie::apart, Lie::apart, onto});
    }
  }
  for (std::size_t turn = 0; turn < cases.size(); ++turn) {
    constexpr int kMore[] = {0, 1, 40, 128, 156, 300, 513};
    cases[turn].more = kMore[turn % 7];
  }
  CHECK_EQUAL(first_problem<float>(cases, problem<float>), "");
  CHECK_EQUAL(first_problem<double>(cases, problem<double>), "");
}

RECURRA_TEST(a_product_goes_through_several_runs_of_rows) {
  std::vector<Case> cases;
  for (const std::vector<int>& runs :
       std::vector<std::vector<int>>{{}, {0}, {0, 0}, {3, 0}, {0, 9}, {8, 1}, {1, 17}}) {
    for (const Onto onto : kOnto)
      cases.push_back({21, 300, runs, Lie::apart, Lie::scattered, onto});
  }
  CHECK_EQUAL(first_problem<float>(cases, problem<float>), "");
  CHECK_EQUAL(first_problem<double>(cases, problem<double>), "");
}

RECURRA_TEST(a_product_of_one_row_has_the_bits_of_multiply_adds_in_order) {
  CHECK_EQUAL(first_problem<float>(cases_of_all_sizes(), problem_of_one_row<float>), "");
  CHECK_EQUAL(first_problem<double>(cases_of_all_sizes(), problem_of_one_row<double>), "");
}

RECURRA_TEST(a_chain_of_products_has_those_bits_whichever_panel_comes_first) {
  CHECK_EQUAL(first_problem<float>(cases_of_all_sizes(), problem_of_a_chain<float>), "");
  CHECK_EQUAL(first_problem<double>(cases_of_all_sizes(), problem_of_a_chain<double>), "");
}

RECURRA_TEST(another_order_would_be_noticed) {
  Case given{8, 50, {3}};
  given.descending = true;
  CHECK(!problem<float>(given, Isa::baseline).empty());
  CHECK(!problem<double>(given, Isa::baseline).empty());
}

namespace {

// Other rows' bits do not depend on what one row holds.
template <class T>
void check_a_row_alone(T poison) {
  const int rows = 11, n = 37, k = 300;
  for (const Isa isa : isas()) {
    const Kernels<T>& use = kernels<T>(isa);
    Random random;
    const Weights<T> w({n, k, {}}, random);
    const std::vector<T> packed = w.packed(use, false);
    Laid<T> a(rows, k, Lie::apart), out(rows, n, Lie::apart);
    a.fill(random);
    const Factor<T> factor{packed.data(), k};
    const ProductRows<T> run{rows, {a.rows()}, {}, out.rows()};
    use.product(&factor, 1, n, &run, 1);
    std::vector<T> wanted = out.memory;
    for (int i = 0; i < n; ++i) wanted[out.place(4, i)] = std::numeric_limits<T>::quiet_NaN();
    for (int j = 0; j < k; j += 2) a.at(4, j) = j % 4 ? poison : -poison;
    use.product(&factor, 1, n, &run, 1);
    CHECK_EQUAL(difference(out.memory, wanted), "");
  }
}

}  // namespace

RECURRA_TEST(what_is_not_finite_stays_in_its_row) {
  check_a_row_alone<float>(std::numeric_limits<float>::infinity());
  check_a_row_alone<double>(std::numeric_limits<double>::infinity());
  check_a_row_alone<float>(std::numeric_limits<float>::quiet_NaN());
  check_a_row_alone<double>(std::numeric_limits<double>::quiet_NaN());
}

int main() { return checks::run_all(); }
