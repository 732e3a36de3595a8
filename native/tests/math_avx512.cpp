#define RECURRA_ISA avx512
#include "tests/math_table.inl"
