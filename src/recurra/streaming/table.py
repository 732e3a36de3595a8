"""States by key in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.streaming.keys import encode
from recurra.streaming.rows import LAST_SEEN

if TYPE_CHECKING:
    from recurra.engine import Array

__all__ = ["StateTable"]


class _Entry:
    def __init__(self, row: Array, last_seen: int) -> None:
        self.row = row
        self.last_seen = last_seen
        self.dirty = False


class StateTable:
    """States by key, the least recently used first.

    `find` resolves a batch of keys; `load`, `gather` and `scatter` work on it, and `finish` or
    `abandon` end it.

    Args:
        start: the bytes of H_0.
    """

    def __init__(self, start: Array) -> None:
        self._start = start
        self._entries: dict[bytes, _Entry] = {}
        self._batch: list[bytes] = []
        self._positions: Array = np.zeros(0, np.int64)
        self._rows: dict[bytes, Array] = {}
        self._fresh: list[bytes] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    @property
    def dirty(self) -> int:
        """How many keys have a state that was not collected."""
        return sum(entry.dirty for entry in self._entries.values())

    @property
    def size(self) -> int:
        """In memory for keys and states."""
        return sum(len(key) + len(self._start) for key in self._entries)

    def find(self, keys: Sequence[Any] | Array, oldest: int) -> int:
        """Resolve a batch, with keys last seen earlier at H_0; how many are not here."""
        encoded = [encode(key) for key in (keys.tolist() if isinstance(keys, np.ndarray) else keys)]
        place: dict[bytes, int] = {}
        self._positions = np.array([place.setdefault(key, len(place)) for key in encoded], np.int64)
        self._batch = list(place)
        self._fresh = [key for key in self._batch if key not in self._entries]
        self._rows = {}
        for key in self._batch:
            entry = self._entries.get(key)
            kept = entry is not None and entry.last_seen >= oldest
            self._rows[key] = entry.row if entry is not None and kept else self._start
        return len(self._fresh)

    def fresh(self) -> list[bytes]:
        """The encoded keys of the batch that are not here."""
        return self._fresh

    def load(self, values: Sequence[Any], oldest: int) -> tuple[int, int]:
        """Take stored values for them, those last seen earlier not.

        Returns:
            How many were taken, and when the newest was last seen.
        """
        taken, newest = 0, oldest
        for key, value in zip(self._fresh, values, strict=True):
            if value is not None:
                last_seen = int(np.frombuffer(value, LAST_SEEN, 1)[0])
                if last_seen >= oldest:
                    self._rows[key] = np.frombuffer(value, np.uint8)[8:].copy()
                    taken, newest = taken + 1, max(newest, last_seen)
        return taken, newest

    def positions(self) -> Array:
        """For each event of the batch, the place of its key among the distinct ones."""
        return self._positions

    def gather(self) -> Array:
        """The states (distinct, bytes) of the batch's keys."""
        rows = np.empty((len(self._batch), len(self._start)), np.uint8)
        for k, key in enumerate(self._batch):
            rows[k] = self._rows[key]
        return rows

    def scatter(self, rows: Array) -> None:
        """Set them."""
        for key, row in zip(self._batch, rows, strict=True):
            self._rows[key] = row.copy()

    def finish(self, now: int) -> None:
        """The batch counts: its keys were seen and have changed."""
        for key in self._batch:
            entry = self._entries.pop(key, None) or _Entry(self._rows[key], now)
            entry.row, entry.last_seen, entry.dirty = self._rows[key], now, True
            self._entries[key] = entry
        self.abandon()

    def abandon(self) -> None:
        """The batch was never there."""
        self._batch, self._fresh, self._rows = [], [], {}

    def put(self, keys: Sequence[bytes], rows: Array, last_seen: Sequence[int]) -> None:
        """Set the states of some encoded keys."""
        for key, row, seen in zip(keys, rows, last_seen, strict=True):
            self._entries.pop(key, None)
            entry = self._entries[key] = _Entry(row.copy(), seen)
            entry.dirty = True

    def get(self, key: bytes) -> bytes | None:
        """When it was last seen and its state, as one value."""
        entry = self._entries.get(key)
        return None if entry is None else _value(entry)

    def drop(self, keys: Sequence[bytes]) -> int:
        """Let go of some keys; how many were here."""
        return sum(self._entries.pop(key, None) is not None for key in keys)

    def expire(self, oldest: int, most: int) -> int:
        """Drop keys last seen earlier, at most so many; how many it were."""
        old = []
        for key, entry in islice(self._entries.items(), most):
            if entry.last_seen >= oldest:
                break
            old.append(key)
        return self.drop(old)

    def evict(self, keep: int, *, dirty: bool) -> int:
        """Drop the least recently used keys until so many are left; dirty ones only if told so."""
        old = []
        for key, entry in islice(self._entries.items(), max(0, len(self) - keep)):
            if entry.dirty and not dirty:
                break
            old.append(key)
        return self.drop(old)

    def collect(self) -> tuple[list[bytes], bytes]:
        """The dirty keys and their values, one after the other; they are clean from then on."""
        keys, values = [], []
        for key, entry in self._entries.items():
            if entry.dirty:
                keys.append(key)
                values.append(_value(entry))
                entry.dirty = False
        return keys, b"".join(values)

    def page(self, start: int, count: int, oldest: int) -> tuple[int, list[bytes]]:
        """Keys last seen since then, from a place on, and the place after them; 0 is the end."""
        keys = [key for key, entry in self._entries.items() if entry.last_seen >= oldest]
        return 0, keys


def _value(entry: _Entry) -> bytes:
    return np.array(entry.last_seen, LAST_SEEN).tobytes() + entry.row.tobytes()
