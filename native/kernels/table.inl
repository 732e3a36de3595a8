#include "kernels/kernels.h"
#include "simd/simd.h"

namespace recurra::RECURRA_ISA {

static float fused(float a, float b, float c) { return fma(splat(a), splat(b), splat(c))[0]; }

const Kernels& table();
const Kernels& table() {
  static const Kernels kernels{&fused};
  return kernels;
}

}  // namespace recurra::RECURRA_ISA
