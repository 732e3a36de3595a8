"""One state per key, fed batches of events."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from recurra.engine import _native
from recurra.errors import ShapeError, UnknownKeyError
from recurra.streaming.committing import Committer
from recurra.streaming.keys import Key, Keys, Strings, as_keys, decode, encode, why_not
from recurra.streaming.metrics import Metrics
from recurra.streaming.moving import all_items, take_items
from recurra.streaming.parquet import read_parquet, write_parquet
from recurra.streaming.rows import LAST_SEEN, Rows
from recurra.streaming.stepping import step_batch
from recurra.streaming.store.layout import StoreLayout
from recurra.streaming.store.protocol import Changes

if TYPE_CHECKING:
    from recurra.engine import Array
    from recurra.streaming.committing import CommitEvery
    from recurra.streaming.model import Model, State
    from recurra.streaming.store.protocol import Store

__all__ = ["Streams"]

_NEVER = -(1 << 63)  # before any time
_FOREVER = 1e12  # seconds, 30,000 years: as microseconds it fits 64 bits


class Streams:
    """One state for each key: a user, a device, a session.

    A batch of events is one matrix step for all its keys, however they are mixed; each key gets the
    bits it would get alone. A key that was never seen starts at H_0. A step that raises changes
    nothing.

    Without a store the states are in memory and end with the process. With one they outlive it:
    `commit_every` says when they are written, together with the position in the source that they
    belong to.

    - ``"batch"``: it returns when what it changed is durable, or has changed nothing and raises.
    - a number of milliseconds: written in the background; a crash loses what came after the last
      commit, and `cursor` says from where to feed the source again.
    - ``None``: when `commit` is called.

    Streams are for one thread at a time; a lock keeps others out.

    Args:
        model: what `recurra.load` gave.
        store: where states are kept beyond memory; None for nowhere.
        commit_every: "batch", a number of milliseconds or None.
        max_keys: how many keys memory holds; the least recently used leave it. With a store they
            come back when they are seen again, and only those leave whose state is committed;
            without one their state is gone.
        ttl: seconds; a key that was not seen for longer is forgotten and starts at H_0.
        clock: seconds now; it may go backwards, time here does not.
        metrics: where to count; None makes one.
        owns_store: whether the store is closed with them.

    Raises:
        NotStreamableError: the model answers only when it knows what comes later.
        ValueError: an option makes no sense.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
    >>> streams = rc.load("repeats.recurra").streams()
    >>> streams.step(["a", "b", "a"], [[0, 1], [0, 1], [0, 1]]).ravel().tolist()
    [0.0, 0.0, 1.0]
    >>> len(streams), "a" in streams, streams.state("b")["last"].tolist()
    (2, True, [0.0, 1.0])
    """

    def __init__(
        self,
        model: Model,
        store: Store | None = None,
        *,
        commit_every: CommitEvery = "batch",
        max_keys: int | None = None,
        ttl: float | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
        owns_store: bool = False,
    ) -> None:
        model._engine.check_streamable()
        if max_keys is not None and max_keys < 1:
            raise ValueError(f"Streams: max_keys is {max_keys}, expected at least 1.")
        if ttl is not None and not 0 < ttl < _FOREVER:
            raise ValueError(f"Streams: ttl is {ttl}, expected seconds above 0.")
        self.model = model
        self.metrics = Metrics() if metrics is None else metrics
        self._rows = Rows(model.slots)
        self._start = self._rows.join(model.initial_state(1), 1)
        self._stepper = model._engine.keyed_stepper(_side_by_side(model.parameters))
        self._table = _native.StateTable(self._start[0])
        self._max_keys = max_keys
        self._ttl = None if ttl is None else _micro(ttl)
        self._clock = clock
        self._latest = _NEVER
        self._forgotten: set[bytes] = set()
        self._lock = threading.RLock()
        self._store = store
        self._owns_store = owns_store
        self._committer = (
            None
            if store is None
            else Committer(store, self._collect, self._lock, commit_every, self._undo, self.metrics)
        )
        self._closed = False

    def __repr__(self) -> str:
        kept = "no store" if self._store is None else repr(self._store)
        return f"Streams({self.model!r}, {len(self._table)} keys in memory, {kept})"

    # --- events -----------------------------------------------------------------------------------

    def step(
        self,
        keys: Keys,
        xs: ArrayLike,
        *,
        now: float | None = None,
        cursor: bytes | None = None,
        only_finite: bool = False,
    ) -> Array:
        """Take a batch of events and answer them; a key that comes again is stepped in its order.

        Args:
            keys: one an event: a list of str, bytes or whole numbers, mixed as you like, or an
                array of numpy or pyarrow.
            xs: (batch, feature), or (batch,) indices.
            now: seconds, when it happens; None is what the clock says. Times before the latest one
                count as that.
            cursor: the position in the source that these events lead to; it is committed together
                with their states.
            only_finite: whether an event whose answer is not finite leaves its key's state as it
                was. Otherwise NaN stays in the state of its key, and only there.

        Returns:
            The answers, (batch, feature).

        Raises:
            ShapeError: xs has the wrong shape or type, or there is not one key an event.
            DataError: a key is of another kind.
            IndexError: an index is not one of the embedding's.
            StoreError: the store could not be read, or an earlier commit in the background failed.
        """
        began = time.perf_counter()
        xs = self.model._events(xs, 1)
        keys = as_keys(keys)
        if len(keys) != len(xs):
            raise ShapeError(
                f"Streams: there are {len(keys)} keys for {len(xs)} events, expected one an event."
            )
        with self._lock:
            if self._committer is not None:
                self._committer.before_step()
            at = self._time(now)
            new, at = self._find(keys, at)
            try:
                ys = self._step(xs, only_finite)
            except BaseException:
                self._table.abandon()
                raise
            self._table.finish(at)
            self._changed(at, cursor, 2 * len(keys) + 16)
        self._count(len(keys), new, time.perf_counter() - began)
        return ys

    def _step(self, xs: Array, only_finite: bool) -> Array:
        """Step the batch that is resolved."""
        if self._stepper is not None:
            return self._stepper.step(self._table, xs, only_finite)
        return step_batch(self.model._engine, self._rows, self._table, xs, only_finite=only_finite)

    def _find(self, keys: Any, at: int) -> tuple[int, int]:
        """Resolve a batch in the table; how many keys are new, and the time."""
        oldest = self._oldest(at)
        if isinstance(keys, Strings):
            new = self._table.find_strings(keys.offsets, keys.data, keys.text, oldest)
        else:
            new = self._table.find(keys, oldest)
        if new < 0:  # it says which is none
            raise why_not(keys[-1 - new])
        if new and self._committer is not None:
            try:
                values = self._stored(self._table.fresh())
                taken, newest = self._table.load(values, oldest)
            except BaseException:
                self._table.abandon()
                raise
            new, at = new - taken, max(at, newest)
        return new, at

    def _count(self, events: int, new: int, seconds: float) -> None:
        metrics, table = self.metrics, self._table
        metrics.count("events", events)
        metrics.count("batches")
        metrics.count("new_keys", new)
        metrics.gauge("keys", len(table))
        metrics.gauge("bytes", table.size)
        metrics.gauge("dirty", table.dirty if self._committer is not None else 0)
        metrics.observe("step", seconds)

    # --- one key ----------------------------------------------------------------------------------

    def state(self, key: Key) -> State:
        """The state of a key: arrays by slot name, without a batch axis. They are copies.

        Raises:
            UnknownKeyError: it was never seen, or not for longer than the time to live.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
        >>> streams = rc.load("seen.recurra").streams()
        >>> y = streams.step(["pump-7"], [[0, 1]])
        >>> streams.state("pump-7")["seen"].tolist()
        [0.0, 1.0]
        """
        return self._rows.one(memoryview(self._value(key))[8:])

    def set_state(self, key: Key, state: Mapping[str, ArrayLike]) -> None:
        """Give a key a state; it need not have been seen before.

        Raises:
            StateError: the state is not this model's.
            DataError: it is no key.
        """
        given = self.model._check_state(state, ())
        row = self._rows.join({name: slot[None] for name, slot in given.items()}, 1)
        with self._lock:
            self._put([encode(key)], row)

    def fork(self, key: Key, new: Key) -> None:
        """Let another key go on from where this one is, each by itself from then on.

        Raises:
            UnknownKeyError: it has no state.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
        >>> streams = rc.load("seen.recurra").streams()
        >>> y = streams.step([7], [[0, 1]])
        >>> streams.fork(7, 8)
        >>> streams.step([8], [[0, 1]]).ravel().tolist()
        [1.0]
        """
        with self._lock:
            row = np.frombuffer(self._value(key), np.uint8)[None, 8:]
            self._put([encode(new)], row)

    def last_seen(self, key: Key) -> float:
        """When a key was last stepped or given a state, in seconds as the clock counts them.

        Raises:
            UnknownKeyError: it has no state.
        """
        return int(np.frombuffer(self._value(key), LAST_SEEN, 1)[0]) / 1e6

    def _value(self, key: Key) -> bytes | memoryview:
        with self._lock:
            value = self._read(encode(key), self._oldest(self._time(None)))
        if value is None:
            raise UnknownKeyError(f"Streams: there is no state of the key {str(key)[:40]!r}.")
        return value

    def _read(self, encoded: bytes, oldest: int) -> bytes | memoryview | None:
        """A key's value, from memory or the store, unless it has expired."""
        value: bytes | memoryview | None = self._table.get(encoded)
        if value is None and self._committer is not None:
            (value,) = self._stored([encoded])
        if value is not None and np.frombuffer(value, LAST_SEEN, 1)[0] < oldest:
            return None
        return value

    def _put(self, encoded: list[bytes], rows: Array) -> None:
        at = self._time(None)
        self._table.put(encoded, rows, np.full(len(encoded), at))
        self._changed(at, None, 16)

    # --- many keys --------------------------------------------------------------------------------

    def reset(self, keys: Iterable[Key]) -> None:
        """Put keys back to H_0; those never seen stay so.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
        >>> streams = rc.load("repeats.recurra").streams()
        >>> y = streams.step(["a"], [[0, 1]])
        >>> streams.reset(["a", "b"])
        >>> streams.step(["a"], [[0, 1]]).ravel().tolist(), "b" in streams
        ([0.0], False)
        """
        encoded = dict.fromkeys(map(encode, as_keys(keys)))
        with self._lock:
            oldest = self._oldest(self._time(None))
            known = [key for key in encoded if self._read(key, oldest) is not None]
            self._put(known, np.repeat(self._start, len(known), axis=0))

    def forget(self, keys: Iterable[Key]) -> None:
        """Let keys go, as if they had never been seen; from the store with the next commit.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
        >>> streams = rc.load("repeats.recurra").streams()
        >>> y = streams.step(["a", "b"], [[0, 1], [0, 1]])
        >>> streams.forget(["a"])
        >>> list(streams.keys())
        ['b']
        """
        encoded = list(map(encode, as_keys(keys)))
        with self._lock:
            self._table.drop(encoded)
            if self._committer is not None:
                self._forgotten.update(encoded)
            self._changed(self._time(None), None, 16)

    def expire(self, now: float | None = None) -> int:
        """Drop from memory what was not seen for longer than the time to live.

        Steps do it too, a few keys at a time. From the store it goes little by little, with the
        commits.

        Returns:
            How many keys it were.
        """
        with self._lock:
            self._latest = self._time(now)
            return self._expire(self._latest, len(self._table))

    def keys(self) -> Iterator[Key]:
        """All keys, in memory and in the store, in no order.

        Keys that come or go meanwhile may be among them or not.
        """
        return map(decode, self._encoded())

    def __iter__(self) -> Iterator[Key]:
        return self.keys()

    def __len__(self) -> int:
        """How many keys there are; with a store they are counted one by one."""
        if self._committer is None:
            self.expire()
            return len(self._table)
        return sum(1 for _ in self._encoded())

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return self._read(encode(key), self._oldest(self._time(None))) is not None

    def _encoded(self) -> Iterator[bytes]:
        oldest = self._oldest(self._time(None))
        place, more = 0, True
        while more:
            with self._lock:
                place, keys = self._table.page(place, 10_000, oldest)
            yield from keys
            more = place > 0
        if self._store is None or self._committer is None:
            return
        pending = self._committer.pending()
        for key, value in pending.items():
            if value is not None and self._only_stored(key, value, oldest):
                yield key
        for key, value in self._store.items():
            if key not in pending and self._only_stored(key, value, oldest):
                yield key

    def _only_stored(self, key: bytes, value: bytes | memoryview, oldest: int) -> bool:
        with self._lock:
            here = key in self._table or key in self._forgotten
        return not here and bool(np.frombuffer(value, LAST_SEEN, 1)[0] >= oldest)

    # --- the store --------------------------------------------------------------------------------

    @property
    def cursor(self) -> bytes | None:
        """The position in the source that the last durable commit has led to."""
        return None if self._committer is None else self._committer.cursor

    def commit(self, cursor: bytes | None = None, *, wait: bool = True) -> Future[None]:
        """Write what has changed to the store.

        Args:
            cursor: the position in the source that the states belong to; None is that of the last
                step. Only with ``commit_every=None``: otherwise it goes with the step, whose states
                may be written before this is called.
            wait: whether to return when it is durable, or at once.

        Returns:
            What is done when it is durable. Without a store it is done.

        Raises:
            StoreError: it could not be written, and `wait` is true. Nothing is lost: the next
                commit tries it again.
            ValueError: a cursor is given that ought to go with a step.
        """
        if self._committer is None:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return self._committer.commit(cursor, wait=wait)

    def close(self) -> None:
        """Commit and let go of the store; closing twice does nothing.

        Raises:
            StoreError: it could not be written; close again when it can.
        """
        if self._closed:
            return
        if self._committer is not None:
            self._committer.close()
        if self._store is not None and self._owns_store:
            self._store.close()
        self._closed = True

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write all states to a Parquet file: a row a key, for other programs and other folders.

        Columns are ``kind`` ("str", "bytes" or "int"), ``key``, ``last_seen`` and for each slot a
        list of fixed size. The file is the new one whole or the former one.

        Returns:
            How many keys there were.

        Raises:
            OSError: the file cannot be written.
            MissingExtraError: pyarrow is not installed.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
        >>> model = rc.load("seen.recurra")
        >>> streams, others = model.streams(), model.streams()
        >>> y = streams.step(["a", 7], [[0, 1], [1, 0]])
        >>> streams.export("states.parquet"), others.import_("states.parquet")
        (2, 2)
        >>> others.state(7)["seen"].tolist()
        [1.0, 0.0]
        """
        with self._lock:
            return write_parquet(path, StoreLayout.of(self.model), all_items(self))

    def import_(self, path: str | os.PathLike[str]) -> int:
        """Take all states from a file that `export` wrote; other keys stay as they are.

        All of the file is checked before the first state is taken. With a store and a great many
        keys they are committed in parts; an import that was interrupted is to be done again.

        Returns:
            How many keys there were.

        Raises:
            StateError: the states were made under another model.
            ModelFileError: the file is truncated, altered, of a newer version or not ours.
            StoreError: they could not be committed.
            OSError: the file cannot be read.
            MissingExtraError: pyarrow is not installed.
        """
        count = 0
        with self._lock:
            for items in read_parquet(path, StoreLayout.of(self.model)):
                take_items(self, items)
                count += len(items)
        return count

    def _stored(self, encoded: list[bytes]) -> list[bytes | memoryview | None]:
        """What the store has of keys that are not in memory."""
        assert self._committer is not None
        values = self._committer.get_many(encoded)
        if self._forgotten:
            gone = self._forgotten
            return [
                None if key in gone else value for key, value in zip(encoded, values, strict=True)
            ]
        return values

    def _collect(self) -> Changes:
        """What has changed since it was last collected; called under the lock."""
        keys, block = self._table.collect()
        view, size = block.data, LAST_SEEN.itemsize + self._rows.size
        values: list[bytes | memoryview] = [
            view[k : k + size] for k in range(0, len(keys) * size, size)
        ]
        forgotten = list(self._forgotten.difference(keys))
        self._forgotten.clear()
        expired = None if self._ttl is None else self._oldest(self._latest)
        return Changes(keys, values, forgotten, expired)

    def _undo(self, changes: Changes) -> None:
        """What could not be committed is as the store has it."""
        with self._lock:
            self._table.drop(changes.keys)

    # --- time and room ----------------------------------------------------------------------------

    def _time(self, now: float | None) -> int:
        seconds = self._clock() if now is None else now
        if not abs(seconds) < _FOREVER:
            raise ValueError(f"Streams: now is {seconds}, expected seconds.")
        return max(self._latest, _micro(seconds))

    def _oldest(self, at: int) -> int:
        """When a key must have been seen to be alive."""
        return _NEVER if self._ttl is None else max(_NEVER, at - self._ttl)

    def _changed(self, at: int, cursor: bytes | None, most: int) -> None:
        """After every change: time goes on, the old leave, and a batch is committed."""
        self._latest = at
        if self._committer is not None:
            self._committer.after_step(cursor)
        self._expire(at, most)
        if self._max_keys is not None:
            only_clean = self._committer is not None
            self.metrics.count("evicted", self._table.evict(self._max_keys, dirty=not only_clean))

    def _expire(self, at: int, most: int) -> int:
        if self._ttl is None:
            return 0
        count = self._table.expire(self._oldest(at), most)
        self.metrics.count("expired", count)
        return count


def _side_by_side(parameters: int) -> int:
    """How many keys to step at a time: few stay in the near cache, many share a reading of weights."""
    return 32 if parameters <= 100_000 else 128


def _micro(seconds: float) -> int:
    return int(seconds * 1e6)
