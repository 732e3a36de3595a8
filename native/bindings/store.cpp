#include "bindings/store.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "store/lmdb_file.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {

void bind_store(nb::module_& m) {
  using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
  nb::class_<StoreFile>(m, "StoreFile")
      .def_ro("problem", &StoreFile::problem)
      .def_ro("pages", &StoreFile::pages)
      .def_ro("free_pages", &StoreFile::free_pages)
      .def_ro("records", &StoreFile::records)
      .def_ro("transaction", &StoreFile::transaction);
  m.def(
      "check_store",
      [](const Bytes& bytes, bool head_only) {
        const nb::gil_scoped_release released;
        return head_only ? check_store_head(bytes.data(), bytes.size())
                         : check_store_file(bytes.data(), bytes.size());
      },
      "bytes"_a, "head_only"_a = false, "What is wrong with the file of a store.");
}

}  // namespace recurra
