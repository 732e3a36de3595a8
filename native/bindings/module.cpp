#include <nanobind/nanobind.h>

#include "kernels/kernels.h"

namespace {

const char* isa() {
  switch (recurra::chosen_isa()) {
    case recurra::Isa::avx512:
      return "avx512";
    case recurra::Isa::avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("isa", &isa, "The instruction set in use: baseline, avx2 or avx512.");
}
