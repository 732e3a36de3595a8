// Which instruction set runs.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kernels/kernels.h"

namespace recurra {

namespace baseline {
template <class T>
const Kernels<T>& table();
}
#ifdef RECURRA_X86
namespace avx2 {
template <class T>
const Kernels<T>& table();
}
namespace avx512 {
template <class T>
const Kernels<T>& table();
}
#endif

bool supported(Isa isa) {
#ifdef RECURRA_X86
  __builtin_cpu_init();
  if (isa == Isa::avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  }
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return isa == Isa::baseline;
}

Isa chosen_isa() {
  static const Isa chosen = [] {
    const char* named = std::getenv("RECURRA_ISA");
    for (const auto& [name, isa] : {std::pair{"avx512", Isa::avx512}, {"avx2", Isa::avx2}}) {
      const bool asked = named == nullptr || *named == '\0' || std::strcmp(named, name) == 0;
      if (asked && supported(isa)) return isa;
    }
    return Isa::baseline;
  }();
  return chosen;
}

template <class T>
const Kernels<T>& kernels(Isa isa) {
#ifdef RECURRA_X86
  if (isa == Isa::avx512) return avx512::table<T>();
  if (isa == Isa::avx2) return avx2::table<T>();
#endif
  (void)isa;
  return baseline::table<T>();
}

template const Kernels<float>& kernels<float>(Isa);
template const Kernels<double>& kernels<double>(Isa);

}  // namespace recurra
