#define RECURRA_ISA avx2
#include "kernels/table.inl"
