// Sums of outer products: fused multiply-adds onto what was there, rows in ascending order, to the bit.
#include <cmath>
#include <numeric>

#include "tests/check.h"
#include "tests/laid.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

struct Case {
  int n, k;
  std::vector<int> runs;  // rows of each
  std::vector<int> cuts;  // where the rows of C are divided among calls
  Lie a = Lie::together, b = Lie::apart;
  bool descending = false;  // the wrong order
};

std::ostream& operator<<(std::ostream& to, const Case& given) {
  to << given.n << " x " << given.k << ", rows";
  for (const int rows : given.runs) to << ' ' << rows;
  to << ", cut at";
  for (const int cut : given.cuts) to << ' ' << cut;
  return to;
}

template <class T>
std::string problem(const Case& given, Isa isa) {
  const int rows = std::accumulate(given.runs.begin(), given.runs.end(), 0);
  Random random;
  Laid<T> a(rows, given.n, given.a), b(rows, given.k, given.b), c(given.n, given.k, Lie::apart);
  a.fill(random);
  b.fill(random);
  c.fill(random);

  std::vector<T> wanted = c.memory;
  for (int i = 0; i < given.n; ++i) {
    for (int j = 0; j < given.k; ++j) {
      T& sum = wanted[c.place(i, j)];
      for (int r = 0; r < rows; ++r) {
        const int row = given.descending ? rows - 1 - r : r;
        sum = std::fma(a.at(row, i), b.at(row, j), sum);
      }
    }
  }
  std::vector<OuterRows<T>> runs;
  int begun = 0;
  for (const int count : given.runs) {
    runs.push_back({count, a.rows().from(begun), b.rows().from(begun)});
    begun += count;
  }
  const Kernels<T>& use = kernels<T>(isa);
  std::vector<T> scratch(use.outer_scratch(given.k) + 1, kUntouched<T>);
  int first = 0;
  std::vector<int> cuts = given.cuts;
  cuts.push_back(given.n);
  for (const int last : cuts) {
    use.outer(runs.data(), static_cast<int>(runs.size()), first, last, given.k, c.rows().base,
              c.rows().stride, scratch.data());
    first = last;
  }
  CHECK(scratch.back() == kUntouched<T>);
  return difference(c.memory, wanted);
}

template <class T>
std::string first_problem(const std::vector<Case>& cases) {
  for (const Isa isa : isas()) {
    for (const Case& given : cases) {
      const std::string found = problem<T>(given, isa);
      if (found.empty()) continue;
      std::ostringstream text;
      text << "isa " << static_cast<int>(isa) << ", " << sizeof(T) << " bytes, " << given << ": "
           << found;
      return text.str();
    }
  }
  return {};
}

void check(const std::vector<Case>& cases) {
  CHECK_EQUAL(first_problem<float>(cases), "");
  CHECK_EQUAL(first_problem<double>(cases), "");
}

}  // namespace

RECURRA_TEST(a_sum_of_any_size_has_the_bits_of_multiply_adds_in_order) {
  std::vector<Case> cases;
  for (const int n : {0, 1, 2, 5, 6, 7, 8, 9, 16, 17, 33}) {
    for (const int k : {0, 1, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 50, 130}) {
      const std::size_t turn = cases.size();
      const int rows = std::vector<int>{0, 1, 2, 5, 9, 33}[turn % 6];
      cases.push_back({n, k, {rows}, {}, kLies[turn % 3], kLies[turn / 2 % 3]});
    }
  }
  check(cases);
}

RECURRA_TEST(rows_that_are_divided_give_the_bits_of_the_whole) {
  std::vector<Case> cases;
  for (const std::vector<int>& cuts :
       std::vector<std::vector<int>>{{}, {0}, {19}, {8}, {1, 2}, {8, 8, 16}}) {
    cases.push_back({19, 21, {11}, cuts, Lie::scattered, Lie::apart});
  }
  check(cases);
}

RECURRA_TEST(blocks_of_rows_and_several_runs_change_no_bit) {
  std::vector<Case> cases;
  for (const std::vector<int>& runs : std::vector<std::vector<int>>{
           {}, {0, 0}, {255}, {256}, {257}, {600}, {200, 0, 100, 7}, {1, 255, 1, 255, 1}}) {
    cases.push_back({9, 35, runs, {}, Lie::apart, Lie::scattered});
  }
  check(cases);
}

RECURRA_TEST(another_order_would_be_noticed) {
  Case given{3, 8, {50}, {}};
  given.descending = true;
  CHECK(!problem<float>(given, Isa::baseline).empty());
  CHECK(!problem<double>(given, Isa::baseline).empty());
}

int main() { return checks::run_all(); }
