"""A key and its value as they lie in the store, with the checksum that binds them.

::

    key     an encoded key, or where that is too long for LMDB: b"L" + its BLAKE2b of 32 bytes
    value   CRC-32 of the stored key and of all that follows, as a uint32
            int64 microseconds, the time the key was last seen
            the bytes of the state
            the encoded key, where the stored one is its hash

Three records are the store's own, under keys that start with a zero byte: what it is, the cursor,
and the number of LMDB's transaction that wrote last, as a uint64. A checksum is before each of them
too. All numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any
from zlib import crc32

from recurra.errors import StoreFileError

__all__ = [
    "ABOUT",
    "COMMIT",
    "CURSOR",
    "LAST_SEEN",
    "Records",
    "sealed",
    "sign",
    "stored_key",
    "unsealed",
]

ABOUT = b"\0about"
COMMIT = b"\0commit"
CURSOR = b"\0cursor"  # the last of the store's own
MAX_KEY = 511  # LMDB's own limit

_CHECKSUM = struct.Struct("<I")
LAST_SEEN = struct.Struct("<q")


def stored_key(key: bytes) -> bytes:
    """The key that LMDB gets.

    >>> stored_key(b"spump-7"), len(stored_key(b"s" + 70_000 * b"x"))
    (b'spump-7', 33)
    """
    return key if len(key) <= MAX_KEY else b"L" + hashlib.blake2b(key, digest_size=32).digest()


def sealed(key: bytes, value: bytes | memoryview) -> bytes:
    """A value with its checksum before it.

    >>> unsealed(b"key", sealed(b"key", b"value"), "the store")
    b'value'
    """
    return _CHECKSUM.pack(crc32(value, crc32(key))) + value


def unsealed(key: bytes, record: bytes, source: str) -> bytes:
    """The value that `sealed` was given.

    Raises:
        StoreFileError: the record is not as it was written.
    """
    value = record[4:]
    if record[:4] != _CHECKSUM.pack(crc32(value, crc32(key))):
        raise StoreFileError(
            f"{source}: the record of key {key[:40]!r} is damaged: its contents and its checksum "
            f"differ. Go back to a copy of the folder."
        )
    return value


def sign(txn: Any) -> None:
    """Let a transaction that writes say its number, so that no other can be taken for it."""
    txn.put(COMMIT, sealed(COMMIT, txn.id().to_bytes(8, "little")))


class Records:
    """Records of states of one size.

    Args:
        row_bytes: of a state.
        source: what messages call the store.
    """

    def __init__(self, row_bytes: int, source: str) -> None:
        self._size = LAST_SEEN.size + row_bytes
        self._source = source

    def pack(self, key: bytes, value: bytes | memoryview) -> tuple[bytes, bytes]:
        """What is stored under which key.

        Raises:
            ValueError: the value is not a time and a state.
        """
        if len(value) != self._size:
            raise ValueError(f"the value of {key[:40]!r} has {len(value)} bytes, not {self._size}.")
        if len(key) <= MAX_KEY:
            return key, sealed(key, value)
        short = stored_key(key)
        return short, sealed(short, b"".join((value, key)))

    def unpack(self, short: bytes, record: bytes) -> tuple[bytes, bytes]:
        """The key and value of a record.

        Raises:
            StoreFileError: it is damaged, or not of a state of this size.
        """
        value = unsealed(short, record, self._source)
        key = short
        if short[:1] == b"L":
            value, key = value[: self._size], value[self._size :]
        if len(value) != self._size or stored_key(key) != short:
            raise StoreFileError(
                f"{self._source}: the record of key {key[:40]!r} has {len(record)} bytes, "
                f"expected {4 + self._size}: it is not a state of this store's model."
            )
        return key, value
