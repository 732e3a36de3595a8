#define RECURRA_ISA avx2
#include "tests/math_table.inl"
