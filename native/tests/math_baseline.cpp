#define RECURRA_ISA baseline
#include "tests/math_table.inl"
