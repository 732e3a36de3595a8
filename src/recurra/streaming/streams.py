"""One state per key, fed batches of events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from recurra.errors import ShapeError, UnknownKeyError
from recurra.streaming.aging import Aging
from recurra.streaming.keyed_states import KeyedStates
from recurra.streaming.keys import Key, Keys, as_keys, decode, encode
from recurra.streaming.metrics import Metrics
from recurra.streaming.moving import all_items, take_items
from recurra.streaming.parquet import read_parquet, write_parquet
from recurra.streaming.rows import LAST_SEEN, last_seen
from recurra.streaming.store.layout import StoreLayout

if TYPE_CHECKING:
    from recurra.engine import Array
    from recurra.streaming.committing import CommitEvery
    from recurra.streaming.model import Model, State
    from recurra.streaming.rows import Value
    from recurra.streaming.store.protocol import Store

__all__ = ["Streams"]


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
        self.model = model
        self.metrics = Metrics() if metrics is None else metrics
        aging = Aging(clock, ttl)
        self._states = KeyedStates(model, store, commit_every, max_keys, aging, self.metrics)
        self._rows = self._states.rows
        self._store = store
        self._owns_store = owns_store

    def __repr__(self) -> str:
        kept = "no store" if self._store is None else repr(self._store)
        return f"Streams({self.model!r}, {len(self._states.table)} keys in memory, {kept})"

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
        ys, new = self._states.step(keys, xs, now, cursor, only_finite)
        table = self._states.table
        self.metrics.stepped(
            len(keys),
            new,
            time.perf_counter() - began,
            keys=len(table),
            size=table.size,
            dirty=table.dirty if self._store is not None else 0,
        )
        return ys

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
        return self._rows.one(memoryview(self._value(key))[LAST_SEEN.itemsize :])

    def set_state(self, key: Key, state: Mapping[str, ArrayLike]) -> None:
        """Give a key a state; it need not have been seen before.

        Raises:
            StateError: the state is not this model's.
            DataError: it is no key.
        """
        given = self.model._check_state(state, ())
        row = self._rows.join({name: slot[None] for name, slot in given.items()}, 1)
        self._states.put([encode(key)], row)

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
        with self._states.lock:
            row = np.frombuffer(self._value(key), np.uint8)[None, LAST_SEEN.itemsize :]
            self._states.put([encode(new)], row)

    def last_seen(self, key: Key) -> float:
        """When a key was last stepped or given a state, in seconds as the clock counts them.

        Raises:
            UnknownKeyError: it has no state.
        """
        return last_seen(self._value(key)) / 1e6

    def _value(self, key: Key) -> Value:
        value = self._states.read(encode(key))
        if value is None:
            raise UnknownKeyError(f"Streams: there is no state of the key {str(key)[:40]!r}.")
        return value

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
        states = self._states
        with states.lock:
            known = [key for key in encoded if states.read(key) is not None]
            states.put(known, np.repeat(states.start, len(known), axis=0))

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
        self._states.forget(list(map(encode, as_keys(keys))))

    def expire(self, now: float | None = None) -> int:
        """Drop from memory what was not seen for longer than the time to live.

        Steps do it too, a few keys at a time. From the store it goes little by little, with the
        commits.

        Returns:
            How many keys it were.
        """
        return self._states.expire(now)

    def keys(self) -> Iterator[Key]:
        """All keys, in memory and in the store, in no order.

        Keys that come or go meanwhile may be among them or not.
        """
        return map(decode, self._states.all_keys())

    def __iter__(self) -> Iterator[Key]:
        return self.keys()

    def __len__(self) -> int:
        """How many keys there are; with a store they are counted one by one."""
        if self._store is None:
            self.expire()
            return len(self._states.table)
        return sum(1 for _ in self._states.all_keys())

    def __contains__(self, key: Key) -> bool:
        return self._states.read(encode(key)) is not None

    # --- the store --------------------------------------------------------------------------------

    @property
    def cursor(self) -> bytes | None:
        """The position in the source that the last durable commit has led to."""
        committer = self._states.committer
        return None if committer is None else committer.cursor

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
        committer = self._states.committer
        if committer is None:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return committer.commit(cursor, wait=wait)

    def close(self) -> None:
        """Commit and let go of the store; closing twice does nothing.

        Raises:
            StoreError: it could not be written; close again when it can.
        """
        self._states.close()
        if self._store is not None and self._owns_store:
            self._store.close()

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
        with self._states.lock:
            return write_parquet(path, StoreLayout.of(self.model), all_items(self._states))

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
        with self._states.lock:
            for items in read_parquet(path, StoreLayout.of(self.model)):
                take_items(self._states, items)
                count += len(items)
        return count
