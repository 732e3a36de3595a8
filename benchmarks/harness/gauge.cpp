// What one core of this machine can do, measured on demand.
//
//   peak            float32 operations a second, multiply-adds on registers alone
//   read BYTES      bytes a second, reading so many over and over
//
// One number for each line of input. Twelve sums at once hide the latency of two units of four
// cycles and leave room among sixteen registers.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / sizeof(float);
constexpr int kSums = 12;
typedef float Vector __attribute__((vector_size(kBytes)));

static volatile float sink;

static double seconds() {
  using clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

static void keep(const Vector (&sums)[kSums]) {
  float total = 0;
  for (const Vector& sum : sums)
    for (int lane = 0; lane < kLanes; ++lane) total += sum[lane];
  sink = total;
}

static double peak(double span) {
  constexpr int kRounds = 20000;
  Vector sums[kSums], factor, term;
  for (int lane = 0; lane < kLanes; ++lane) factor[lane] = 0.999f, term[lane] = 0.001f;
  for (Vector& sum : sums) sum = term;
  double best = 0;
  for (const double begin = seconds(); seconds() - begin < span;) {
    const double start = seconds();
    for (int round = 0; round < kRounds; ++round) {
      asm volatile("" : "+x"(factor));  // read anew, so that no round can be folded into another
      for (Vector& sum : sums) sum = sum * factor + term;
    }
    const double rate = 2.0 * kRounds * kSums * kLanes / (seconds() - start);
    if (rate > best) best = rate;
  }
  keep(sums);
  return best;
}

static double read_rate(size_t bytes, double span) {
  constexpr size_t kStride = kSums * kBytes;
  const size_t blocks = bytes < kStride ? 1 : bytes / kStride;
  auto* memory = static_cast<char*>(aligned_alloc(4096, (blocks * kStride + 4095) / 4096 * 4096));
  std::memset(memory, 1, blocks * kStride);
  const size_t passes = 1 + (1 << 20) / (blocks * kStride);
  Vector sums[kSums] = {};
  double best = 0;
  for (const double begin = seconds(); seconds() - begin < span;) {
    const double start = seconds();
    for (size_t pass = 0; pass < passes; ++pass) {
      const char* at = memory;
      for (size_t block = 0; block < blocks; ++block, at += kStride)
        for (int k = 0; k < kSums; ++k) sums[k] += *reinterpret_cast<const Vector*>(at + k * kBytes);
      asm volatile("" : : "r"(memory) : "memory");
    }
    const double rate = static_cast<double>(passes) * blocks * kStride / (seconds() - start);
    if (rate > best) best = rate;
  }
  keep(sums);
  free(memory);
  return best;
}

int main() {
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    const bool reads = std::strncmp(line, "read ", 5) == 0;
    std::printf("%.6g\n", reads ? read_rate(std::strtoull(line + 5, nullptr, 10), 0.01) : peak(0.005));
    std::fflush(stdout);
  }
}
