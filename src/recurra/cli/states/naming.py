"""Keys and times as a person gives and reads them."""

from __future__ import annotations

from datetime import datetime

from recurra.cli.states.options import Kind
from recurra.errors import DataError
from recurra.streaming.keys import Key, decode, encode

__all__ = ["encoded", "shown_key", "shown_time"]


def encoded(text: str, kind: Kind) -> bytes:
    """The key that a word on the command line stands for, as a store knows it.

    Raises:
        DataError: the word is no key of that kind.

    >>> encoded("pump-7", Kind.text)
    b'spump-7'
    """
    try:
        key: Key = text
        if kind is Kind.int:
            key = int(text)
        elif kind is Kind.bytes:
            key = bytes.fromhex(text)
    except ValueError as error:
        raise DataError(f"{text!r}: is no key of kind {kind.value}.") from error
    return encode(key)


def shown_key(key: bytes) -> tuple[str, str]:
    """A store's key as text, and its kind.

    >>> shown_key(b"spump-7"), shown_key(b"b" + bytes([0, 255]))
    (('pump-7', 'text'), ('00ff', 'bytes'))
    """
    plain = decode(key)
    if isinstance(plain, bytes):
        return plain.hex(), "bytes"
    return str(plain), "int" if isinstance(plain, int) else "text"


def shown_time(microseconds: int) -> str:
    """When that was, by the clock of this place.

    >>> shown_time(10**15)[:4]
    '2001'
    """
    return datetime.fromtimestamp(microseconds / 1e6).astimezone().isoformat(" ", "seconds")
