"""One state as bytes: all slots one after the other, in the model's order, little-endian."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from recurra.engine import Array, Slot
    from recurra.streaming.model import State

__all__ = ["LAST_SEEN", "Rows", "Value", "last_seen"]

LAST_SEEN = np.dtype("<i8")  # stands before a state where it is stored: microseconds
Value: TypeAlias = "bytes | memoryview"  # when a key was last seen, and the bytes of its state


def last_seen(value: Value) -> int:
    """When a value's key was last seen, in microseconds."""
    return int(np.frombuffer(value, LAST_SEEN, 1)[0])


class _Part(NamedTuple):
    name: str
    slot: Slot
    start: int
    stop: int


class Rows:
    """How states of some slots lie in bytes.

    >>> import numpy as np
    >>> from recurra.engine import Slot
    >>> rows = Rows({"h": Slot((2,), np.dtype("float32")), "n": Slot((), np.dtype("int64"))})
    >>> rows.size
    16
    >>> row = rows.join({"h": np.array([[1, 2]], "f4"), "n": np.array([3])}, 1)
    >>> rows.split(row)["h"].tolist(), rows.one(row[0])["n"].tolist()
    ([[1.0, 2.0]], 3)
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._parts: list[_Part] = []
        start = 0
        for name, slot in slots.items():
            stop = start + math.prod(slot.shape) * slot.dtype.itemsize
            self._parts.append(_Part(name, slot, start, stop))
            start = stop
        self.size = start  # bytes of a row

    def join(self, state: Mapping[str, Array], count: int) -> Array:
        """The bytes (count, size) of slots (count, ...)."""
        rows = np.empty((count, self.size), np.uint8)
        for name, slot, start, stop in self._parts:
            little = np.ascontiguousarray(state[name], slot.dtype.newbyteorder("<"))
            rows[:, start:stop] = little.reshape(count, -1).view(np.uint8).reshape(count, -1)
        return rows

    def split(self, rows: Array) -> State:
        """Copies of the slots (batch, ...) in bytes (batch, size)."""
        count = len(rows)
        return {
            name: np.ascontiguousarray(rows[:, start:stop])
            .view(slot.dtype.newbyteorder("<"))
            .reshape(count, *slot.shape)
            .astype(slot.dtype)
            for name, slot, start, stop in self._parts
        }

    def one(self, row: bytes | memoryview | Array) -> State:
        """Copies of the slots, without a batch axis, in the bytes of one row."""
        given = self.split(np.frombuffer(row, np.uint8)[None])
        return {name: slot[0] for name, slot in given.items()}
