// What one instruction set offers.
#pragma once

namespace recurra {

struct Kernels {
  float (*fma)(float a, float b, float c);
};

enum class Isa { baseline, avx2, avx512 };

bool supported(Isa isa);
// The best the processor has, or what the environment variable RECURRA_ISA names.
Isa chosen_isa();
const Kernels& kernels(Isa isa);

}  // namespace recurra
