#define RECURRA_ISA baseline
#include "kernels/table.inl"
