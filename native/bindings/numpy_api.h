// numpy's C interface: reading and making an array costs a tenth of what it does through Python.
#pragma once

#include <nanobind/nanobind.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_1_23_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL recurra_numpy_api
#ifndef RECURRA_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace recurra {

template <class T>
constexpr int kNumpyType = sizeof(T) == 4 ? NPY_FLOAT32 : NPY_FLOAT64;

}  // namespace recurra
