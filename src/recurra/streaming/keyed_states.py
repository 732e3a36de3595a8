"""The states of `Streams`: in memory, and in a store behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.engine import _native
from recurra.errors import StoreError
from recurra.streaming.committing import Committer, check_commit_every
from recurra.streaming.keys import Strings, why_not
from recurra.streaming.rows import LAST_SEEN, Rows, Value, last_seen
from recurra.streaming.stepping import step_batch
from recurra.streaming.store.protocol import Changes

if TYPE_CHECKING:
    from recurra.engine import Array
    from recurra.streaming.aging import Aging
    from recurra.streaming.committing import CommitEvery
    from recurra.streaming.metrics import Metrics
    from recurra.streaming.model import Model
    from recurra.streaming.store.protocol import Store

__all__ = ["KeyedStates"]

A_FEW = 16  # keys that any change lets expire, beside two for each event
PAGE = 10_000


class KeyedStates:
    """States by encoded key.

    Args:
        model: whose they are.
        store: where they are kept beyond memory; None for nowhere.
        commit_every: "batch", a number of milliseconds or None.
        max_keys: how many keys memory holds.
        aging: when keys are too old.
        metrics: where to count.
    """

    def __init__(
        self,
        model: Model,
        store: Store | None,
        commit_every: CommitEvery,
        max_keys: int | None,
        aging: Aging,
        metrics: Metrics,
    ) -> None:
        check_commit_every(commit_every)
        self.rows = Rows(model.slots)
        self.start = self.rows.join(model.initial_state(1), 1)  # H_0, one row
        ordered = store is not None or max_keys is not None or aging.ends  # by use
        self.table = _native.StateTable(self.start[0], ordered)
        self.store = store
        self.lock = threading.RLock()
        self.committer: Committer | None = None
        if store is not None:
            args = (store, self._collect, self.lock, commit_every, self._undo, metrics)
            self.committer = Committer(*args)
        self._engine = model._engine
        self._stepper = model._engine.keyed_stepper(_side_by_side(model.parameters))
        self._max_keys = max_keys
        self._aging = aging
        self._metrics = metrics
        self._forgotten: set[bytes] = set()
        self._closed = False

    def step(
        self, keys: Any, xs: Array, now: float | None, cursor: bytes | None, only_finite: bool
    ) -> tuple[Array, int]:
        """Step a batch; the answers, and how many keys are new.

        Args:
            keys: a list, a tuple, an array of int64 or `Strings`.
            xs: (batch, feature), checked.
            now: seconds.
            cursor: the position that it leads to.
            only_finite: whether an answer that is not finite leaves its key's state as it was.
        """
        with self.lock:
            self._check_open()
            if self.committer is not None:
                self.committer.before_step()
            try:
                new, at = self._find(keys, self._aging.at(now))
                ys = self._step(xs, only_finite, at)
            except BaseException:
                self.table.abandon()
                raise
            self.changed(at, cursor, 2 * len(keys) + A_FEW)
        return ys, new

    def _find(self, keys: Any, at: int) -> tuple[int, int]:
        """Resolve a batch in the table; how many keys are new, and the time."""
        oldest = self._aging.oldest(at)
        if isinstance(keys, Strings):
            new = self.table.find_strings(keys.offsets, keys.data, keys.text, oldest)
        else:
            new = self.table.find(keys, oldest)
        if new < 0:  # it says which is none
            raise why_not(keys[-1 - new])
        if new and self.committer is not None:
            taken, newest = self.table.load(self.stored(self.table.fresh()), oldest)
            new, at = new - taken, max(at, newest)
        return new, at

    def _step(self, xs: Array, only_finite: bool, at: int) -> Array:
        """Step the batch that is resolved; from here on it counts."""
        if self._stepper is not None:
            return self._stepper.step(self.table, np.ascontiguousarray(xs), only_finite, at)
        return step_batch(self._engine, self.rows, self.table, xs, only_finite, at)

    def read(self, key: bytes) -> Value | None:
        """A key's value, from memory or the store, unless it has expired."""
        with self.lock:
            oldest = self._aging.oldest(self._aging.at(None))
            value: Value | None = self.table.get(key)
            if value is None and self.committer is not None:
                (value,) = self.stored([key])
        return None if value is None or last_seen(value) < oldest else value

    def put(self, keys: Sequence[bytes], rows: Array, times: Array | None = None) -> None:
        """Set the states of keys, seen now or at given times."""
        with self.lock:
            self._check_open()
            at = self._aging.at(None)
            times = np.full(len(keys), at) if times is None else times
            self.table.put(list(keys), rows, times)
            self.changed(max(at, int(times.max(initial=at))))

    def forget(self, keys: Sequence[bytes]) -> None:
        """Let keys go, from the store with the next commit."""
        with self.lock:
            self._check_open()
            self.table.drop(list(keys))
            if self.committer is not None:
                self._forgotten.update(keys)
            self.changed(self._aging.at(None))

    def expire(self, now: float | None) -> int:
        """Drop from memory all that is too old; how many keys it were."""
        with self.lock:
            self._aging.latest = self._aging.at(now)
            return self._expire(len(self.table)) if self._aging.ends else 0

    def all_keys(self) -> Iterator[bytes]:
        """All keys that have not expired, in memory and in the store."""
        oldest = self._aging.oldest(self._aging.at(None))
        place, more = 0, True
        while more:
            with self.lock:
                place, keys = self.table.page(place, PAGE, oldest)
            yield from keys
            more = place > 0
        if self.store is None or self.committer is None:
            return
        pending = self.committer.pending()
        for key, value in pending.items():
            if value is not None and self._only_stored(key, value, oldest):
                yield key
        for key, value in self.store.items():
            if key not in pending and self._only_stored(key, value, oldest):
                yield key

    def _only_stored(self, key: bytes, value: Value, oldest: int) -> bool:
        with self.lock:
            here = key in self.table or key in self._forgotten
        return not here and last_seen(value) >= oldest

    def stored(self, keys: list[bytes]) -> list[Value | None]:
        """What the store has of keys that are not in memory; without one, nothing."""
        if self.committer is None:
            return [None] * len(keys)
        values = self.committer.get_many(keys)
        if not self._forgotten:
            return values
        gone = self._forgotten
        return [None if key in gone else value for key, value in zip(keys, values, strict=True)]

    def changed(self, at: int, cursor: bytes | None = None, most: int = A_FEW) -> None:
        """After every change: time goes on, a batch is committed, and the old leave.

        Args:
            at: when it was.
            cursor: the position that it has led to.
            most: how many may leave for being too old.
        """
        self._aging.latest = at
        if self.committer is not None:
            self.committer.after_step(cursor)
        if self._aging.ends:
            self._expire(most)
        if self._max_keys is not None:
            evicted = self.table.evict(self._max_keys, dirty=self.committer is None)
            self._metrics.count("evicted", evicted)

    def _expire(self, most: int) -> int:
        expired = self.table.expire(self._aging.oldest(self._aging.latest), most)
        self._metrics.count("expired", expired)
        return expired

    def _collect(self) -> Changes:
        """What has changed since it was last collected; called under the lock."""
        keys, block = self.table.collect()
        view, size = block.data, LAST_SEEN.itemsize + self.rows.size
        values: list[Value] = [view[k : k + size] for k in range(0, len(keys) * size, size)]
        forgotten = list(self._forgotten.difference(keys))
        self._forgotten.clear()
        expired = self._aging.oldest(self._aging.latest) if self._aging.ends else None
        return Changes(keys, values, forgotten, expired)

    def _undo(self, changes: Changes) -> None:
        """What could not be committed is as the store has it."""
        with self.lock:
            self.table.drop(changes.keys)

    def close(self) -> None:
        """Commit what is left; closing twice does nothing.

        Raises:
            StoreError: it could not be written; close again when it can.
        """
        if self.committer is not None and not self._closed:
            self.committer.close()
        self._closed = True

    def _check_open(self) -> None:
        if self._closed and self.store is not None:
            raise StoreError("Streams: they are closed. Open their store again.")


def _side_by_side(parameters: int) -> int:
    """How many keys to step at a time: few stay in the near cache, many share the weights' way."""
    return 32 if parameters <= 100_000 else 128
