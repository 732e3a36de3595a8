// Whether dictionaries hold what they held before.
#pragma once

#include <nanobind/nanobind.h>

namespace recurra {

// The dictionaries' keys and values are the very objects that `items` lists: key and value by turns, in
// order.
inline bool same_items(const nanobind::list& dictionaries, const nanobind::list& items) {
  const Py_ssize_t count = PyList_Size(dictionaries.ptr());
  if (PyList_Size(items.ptr()) != count) return false;
  for (Py_ssize_t d = 0; d < count; ++d) {
    PyObject* const dictionary = PyList_GetItem(dictionaries.ptr(), d);
    PyObject* const wanted = PyList_GetItem(items.ptr(), d);
    if (!PyDict_Check(dictionary) || !PyList_Check(wanted)) return false;
    if (PyList_Size(wanted) != 2 * PyDict_Size(dictionary)) return false;
    PyObject *key = nullptr, *value = nullptr;
    for (Py_ssize_t at = 0, k = 0; PyDict_Next(dictionary, &at, &key, &value); k += 2) {
      if (key != PyList_GetItem(wanted, k) || value != PyList_GetItem(wanted, k + 1)) return false;
    }
  }
  return true;
}

}  // namespace recurra
