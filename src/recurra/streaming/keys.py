"""Keys of streams: text, bytes and whole numbers, and the bytes they are stored under.

::

    b"s" + UTF-8                                                  text
    b"b" + the bytes                                          bytes
    b"i" + 8 bytes, big-endian, the sign bit flipped: they sort        whole numbers
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from recurra.errors import DataError

__all__ = ["Key", "Keys", "Strings", "as_keys", "decode", "encode", "why_not"]

Key: TypeAlias = "str | bytes | int"
Keys: TypeAlias = "Sequence[Key] | np.ndarray[Any, Any] | Any"  # the last: pyarrow's arrays

_SIGN = 1 << 63


def encode(key: object) -> bytes:
    r"""The bytes of a key; no two keys have the same.

    Raises:
        DataError: it is no key.

    >>> encode("7"), encode(b"7"), encode(7)
    (b's7', b'b7', b'i\x80\x00\x00\x00\x00\x00\x00\x07')
    """
    if isinstance(key, str):
        try:
            return b"s" + key.encode()
        except UnicodeEncodeError as error:
            raise _not_a_key(key, "UTF-8 cannot hold it") from error
    if isinstance(key, bytes):
        return b"b" + key
    if isinstance(key, (int, np.integer)) and type(key) is not bool:
        if not -_SIGN <= key < _SIGN:
            raise _not_a_key(key, "it does not fit 64 bits")
        return b"i" + (int(key) + _SIGN).to_bytes(8, "big")
    raise _not_a_key(key, f"it is of type {type(key).__name__}")


def decode(encoded: bytes) -> Key:
    """The key that these bytes are of.

    Raises:
        DataError: they are of none.

    >>> [decode(encode(key)) for key in ("pump-7", b"", -7)]
    ['pump-7', b'', -7]
    """
    kind, rest = encoded[:1], encoded[1:]
    if kind == b"b":
        return rest
    if kind == b"i" and len(rest) == 8:
        return int.from_bytes(rest, "big") - _SIGN
    try:
        if kind == b"s":
            return rest.decode()
    except UnicodeDecodeError:
        pass
    raise DataError(f"the bytes {encoded[:40]!r} are not those of a key.")


class Strings:
    """Keys that lie one after the other, as Arrow has them.

    Args:
        offsets: where each begins in the data, and where the last one ends.
        data: their bytes.
        text: whether they are text.
    """

    def __init__(self, offsets: np.ndarray[Any, Any], data: np.ndarray[Any, Any], text: bool):
        self.offsets, self.data, self.text = offsets, data, text

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> Key:
        key = self.data[self.offsets[place] : self.offsets[place + 1]].tobytes()
        return key.decode(errors="surrogateescape") if self.text else key

    def __iter__(self) -> Iterator[Key]:
        return (self[k] for k in range(len(self)))


def as_keys(keys: Keys) -> Sequence[Key] | np.ndarray[Any, Any] | Strings:
    """A batch of keys as the native table takes it: a list, a tuple, an array of int64 or strings.

    Args:
        keys: a sequence, a numpy array of one axis or a pyarrow array.

    Raises:
        DataError: it is no batch of keys.

    >>> as_keys(np.array(["a", "b"])), as_keys(np.array([1, 2], np.int8)).dtype
    (['a', 'b'], dtype('int64'))
    """
    if isinstance(keys, (list, tuple)):
        return keys
    if isinstance(keys, np.ndarray):
        return _of_numpy(keys)
    if type(keys).__module__ == "pyarrow.lib" and hasattr(keys, "null_count"):
        return _of_arrow(keys)
    if isinstance(keys, (str, bytes)) or not hasattr(keys, "__iter__"):
        raise DataError(f"keys is {str(keys)[:40]!r}, expected a batch of keys, such as a list.")
    return list(keys)


def _of_numpy(keys: np.ndarray[Any, Any]) -> Sequence[Key] | np.ndarray[Any, Any]:
    if keys.ndim != 1:
        raise DataError(f"keys has shape {keys.shape}, expected (batch,).")
    if keys.dtype.kind in "iu" and (keys.dtype.kind == "i" or keys.dtype.itemsize < 8):
        return np.ascontiguousarray(keys, np.int64)
    return keys.tolist()  # type: ignore[no-any-return]


def _of_arrow(keys: Any) -> Sequence[Key] | np.ndarray[Any, Any] | Strings:
    import pyarrow as arrow

    if isinstance(keys, arrow.ChunkedArray):
        keys = keys.combine_chunks()
    kind = keys.type
    if keys.null_count == 0:
        if arrow.types.is_signed_integer(kind):
            return _of_numpy(keys.to_numpy())
        text = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
        if text or arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind):
            wide = arrow.types.is_large_string(kind) or arrow.types.is_large_binary(kind)
            return _of_buffers(keys, np.int64 if wide else np.int32, text)
    return keys.to_pylist()  # type: ignore[no-any-return]


def _of_buffers(keys: Any, offset: type[np.signedinteger[Any]], text: bool) -> Strings:
    _, offsets, data = keys.buffers()
    if offsets is None or len(keys) == 0:
        return Strings(np.zeros(len(keys) + 1, offset), np.zeros(0, np.uint8), text)
    begins = np.frombuffer(offsets, offset)[keys.offset : keys.offset + len(keys) + 1]
    return Strings(begins, np.frombuffer(data or b"", np.uint8), text)


def why_not(key: object) -> DataError:
    """The error for what the native table does not take as a key."""
    try:
        encode(key)
    except DataError as error:
        return error
    return _not_a_key(key, "it is longer than 2 GiB")


def _not_a_key(key: object, why: str) -> DataError:
    return DataError(
        f"{str(key)[:40]!r} cannot be a key: {why}. Keys are str, bytes and whole numbers of 64 "
        f"bits."
    )
