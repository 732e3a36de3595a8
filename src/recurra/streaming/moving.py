"""All states of `Streams` as encoded keys and values, in groups, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from recurra.streaming.rows import LAST_SEEN

if TYPE_CHECKING:
    from recurra.streaming.keyed_states import KeyedStates
    from recurra.streaming.rows import Value

__all__ = ["all_items", "take_items"]

GROUP = 10_000

Item = tuple[bytes, "Value"]


def all_items(states: KeyedStates) -> Iterator[Item]:
    """Every key, encoded, with when it was last seen and its state, from memory or the store."""
    keys = states.all_keys()
    while group := list(islice(keys, GROUP)):
        found = {key: states.table.get(key) for key in group}
        missing = [key for key, value in found.items() if value is None]
        stored = states.stored(missing)
        values = {**found, **dict(zip(missing, stored, strict=True))}
        yield from ((key, value) for key, value in values.items() if value is not None)


def take_items(states: KeyedStates, items: Sequence[Item]) -> None:
    """Set the states of some keys, and when they were last seen."""
    block = np.frombuffer(b"".join(value for _, value in items), np.uint8)
    table = block.reshape(len(items), -1)
    start = LAST_SEEN.itemsize
    times = np.ascontiguousarray(table[:, :start]).view(LAST_SEEN).astype(np.int64).ravel()
    rows = np.ascontiguousarray(table[:, start:])
    states.put([key for key, _ in items], rows, times)
