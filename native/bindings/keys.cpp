#include "bindings/keys.h"

#include "bindings/numpy_api.h"

namespace nb = nanobind;

namespace recurra {
namespace {

bool fits(Py_ssize_t size) { return size <= static_cast<Py_ssize_t>(kLongestKey); }

Key key_of(const char* data, Py_ssize_t size, char kind) {
  return {data, static_cast<std::uint32_t>(size), kind};
}

bool take_number(PyObject* object, char* number, Key& key) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow != 0) return false;
  if (value == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
  write_number(value, number);
  key = {number, 8, 'i'};
  return true;
}

bool take_key(PyObject* object, char* number, Key& key) {
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(object, &size);  // kept by the object
    if (data == nullptr) PyErr_Clear();
    if (data == nullptr || !fits(size)) return false;
    key = key_of(data, size, 's');
    return true;
  }
  if (PyBytes_Check(object)) {
    if (!fits(PyBytes_GET_SIZE(object))) return false;
    key = key_of(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object), 'b');
    return true;
  }
  if (PyBool_Check(object)) return false;
  if (PyLong_Check(object)) return take_number(object, number, key);
  if (!PyArray_IsScalar(object, Integer)) return false;
  const nb::object whole = nb::steal(PyNumber_Index(object));
  if (!whole.is_valid()) throw nb::python_error();
  return take_number(whole.ptr(), number, key);
}

void take_array(PyArrayObject* array, Batch& batch) {
  const auto count = static_cast<std::size_t>(PyArray_DIM(array, 0));
  const auto* const numbers = static_cast<const std::int64_t*>(PyArray_DATA(array));
  Key* const keys = batch.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    write_number(numbers[k], batch.number(k));
    keys[k] = {batch.number(k), 8, 'i'};
  }
}

bool all_ascii(const char* data, std::size_t size) {
  unsigned char seen = 0;
  for (std::size_t k = 0; k < size; ++k) seen |= static_cast<unsigned char>(data[k]);
  return seen < 0x80;
}

bool is_utf8(const char* data, std::size_t size) {
  if (all_ascii(data, size)) return true;
  const nb::object text =
      nb::steal(PyUnicode_DecodeUTF8(data, static_cast<Py_ssize_t>(size), nullptr));
  if (!text.is_valid()) PyErr_Clear();
  return text.is_valid();
}

}  // namespace

std::ptrdiff_t take_keys(nb::handle keys, Batch& batch) {
  if (PyArray_Check(keys.ptr())) {
    auto* array = reinterpret_cast<PyArrayObject*>(keys.ptr());
    if (PyArray_NDIM(array) != 1 || PyArray_TYPE(array) != NPY_INT64 ||
        !PyArray_ISCARRAY_RO(array)) {
      throw nb::value_error("an array of keys is not int64, or does not lie together");
    }
    take_array(array, batch);
    return -1;
  }
  if (!PyList_Check(keys.ptr()) && !PyTuple_Check(keys.ptr())) {
    throw nb::value_error("keys are neither a list, a tuple nor an array");
  }
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(keys.ptr());
  PyObject** const objects = PySequence_Fast_ITEMS(keys.ptr());
  Key* const into = batch.reserve(static_cast<std::size_t>(count));
  for (Py_ssize_t k = 0; k < count; ++k) {
    if (!take_key(objects[k], batch.number(static_cast<std::size_t>(k)), into[k])) return k;
  }
  return -1;
}

template <class Offset>
std::ptrdiff_t take_strings(const Offset* offsets, std::size_t count, const char* data,
                            std::size_t size, bool text, Batch& batch) {
  Key* const into = batch.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    const Offset begin = offsets[k], end = offsets[k + 1];
    if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > size) {
      throw nb::value_error("offsets of strings do not ascend, or lead out of their data");
    }
    const auto length = static_cast<std::size_t>(end - begin);
    if (length > kLongestKey || (text && !is_utf8(data + begin, length))) {
      return static_cast<std::ptrdiff_t>(k);
    }
    into[k] = {data + begin, static_cast<std::uint32_t>(length), text ? 's' : 'b'};
  }
  return -1;
}

template std::ptrdiff_t take_strings(const std::int32_t*, std::size_t, const char*, std::size_t,
                                     bool, Batch&);
template std::ptrdiff_t take_strings(const std::int64_t*, std::size_t, const char*, std::size_t,
                                     bool, Batch&);

std::optional<Key> decoded(nb::bytes encoded) {
  if (encoded.size() == 0 || encoded.size() > kLongestKey) return std::nullopt;
  const Key key =
      key_of(encoded.c_str() + 1, static_cast<Py_ssize_t>(encoded.size() - 1), encoded.c_str()[0]);
  const bool known = key.kind == 's' || key.kind == 'b' || (key.kind == 'i' && key.size == 8);
  return known ? std::optional<Key>(key) : std::nullopt;
}

nb::bytes encoded(const Key& key) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(key.size) + 1);
  if (bytes == nullptr) throw nb::python_error();
  char* const to = PyBytes_AS_STRING(bytes);
  to[0] = key.kind;
  if (key.size > 0) std::memcpy(to + 1, key.data, key.size);
  return nb::steal<nb::bytes>(bytes);
}

}  // namespace recurra
