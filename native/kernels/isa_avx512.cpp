#define RECURRA_ISA avx512
#include "kernels/table.inl"
