"""What changed goes to the store, in the background or at once, and nothing of it gets lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from recurra.streaming.store.protocol import Changes

if TYPE_CHECKING:
    from recurra.streaming.metrics import Metrics
    from recurra.streaming.store.protocol import Store

__all__ = ["CommitEvery", "Committer", "check_commit_every"]

CommitEvery: TypeAlias = "Literal['batch'] | float | None"

log = logging.getLogger(__name__)


def check_commit_every(every: CommitEvery) -> None:
    """Raises ValueError where it is not "batch", a number of milliseconds or None."""
    number = isinstance(every, (int, float)) and not isinstance(every, bool)
    if not (every is None or every == "batch" or (number and every > 0)):
        raise ValueError(
            f"commit_every is {every!r}, expected 'batch', a number of milliseconds above 0, or "
            f"None for commits by hand."
        )


class _Batch:
    """Changes that belong together, with the position they lead to."""

    def __init__(self, changes: Changes, cursor: bytes | None) -> None:
        self.changes = changes
        self.cursor = cursor
        self.future: Future[None] = Future()
        self._found: dict[bytes, bytes | memoryview | None] | None = None

    @property
    def found(self) -> dict[bytes, bytes | memoryview | None]:
        """What it makes of each key it changes."""
        if self._found is None:
            self._found = dict(zip(self.changes.keys, self.changes.values, strict=True))
            self._found.update(dict.fromkeys(self.changes.forgotten))
        return self._found


class Committer:
    """Collects changes and commits them: after each batch, in a thread of its own, or by hand.

    What is collected counts as stored from then on: `get_many` finds it, and a commit that fails
    keeps it for the next one. Commits that come while another is being written go into the
    store together.

    Args:
        store: where to.
        collect: takes the changes since it was last called, and is called under the lock.
        lock: held while states change.
        every: "batch", a number of milliseconds, or None for by hand; see `check_commit_every`.
        undo: given the changes of a batch that could not be committed, where each batch is.
        metrics: counts commits.
    """

    def __init__(
        self,
        store: Store,
        collect: Callable[[], Changes],
        lock: AbstractContextManager[Any],
        every: CommitEvery,
        undo: Callable[[Changes], None],
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._collect = collect
        self._lock = lock
        self._every = every
        self._undo = undo
        self._metrics = metrics
        self._cursor: bytes | None = None  # of the last step, where it is not collected yet
        self._pending: list[_Batch] = []  # collected and not durable; the oldest first
        self._pending_lock = threading.Lock()
        self._writing = threading.Lock()
        self._failure: Exception | None = None  # that nobody has heard of
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        if every is not None and every != "batch":
            self._start()

    @property
    def cursor(self) -> bytes | None:
        """Of the last durable commit."""
        return self._store.cursor

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | memoryview | None]:
        """The values of keys as they will be stored."""
        with self._pending_lock:
            pending = list(self._pending)
        values: list[bytes | memoryview | None] = list(self._store.get_many(keys))
        for batch in pending:
            found = batch.found
            values = [found.get(key, value) for key, value in zip(keys, values, strict=True)]
        return values

    def pending(self) -> dict[bytes, bytes | memoryview | None]:
        """What is collected and not durable yet: values by key, None for one that leaves."""
        with self._pending_lock:
            pending = list(self._pending)
        found: dict[bytes, bytes | memoryview | None] = {}
        for batch in pending:
            found.update(batch.found)
        return found

    def before_step(self) -> None:
        """Raises the failure of a commit in the background, once; it is tried again anyway."""
        if self._failure is not None:
            error, self._failure = self._failure, None
            raise error

    def after_step(self, cursor: bytes | None) -> None:
        """Take note of the position that a step has led to, and commit where each batch is.

        Raises:
            StoreError: the batch could not be committed, and has been undone.
        """
        if cursor is not None:
            self._cursor = cursor
        if self._every == "batch":
            self.commit()

    def commit(self, cursor: bytes | None = None, *, wait: bool = True) -> Future[None]:
        """Make durable what has changed until now.

        Args:
            cursor: the position that the states belong to; None is that of the last step.
            wait: whether to return when it is durable, or at once.

        Returns:
            What is done when it is durable, or holds the error.

        Raises:
            StoreError: it could not be written, and `wait` is true.
            ValueError: a cursor is given, and what it belongs to may be in the store already.
        """
        if cursor is not None and self._every is not None:
            raise ValueError(
                f"commit was given a cursor, and with commit_every={self._every!r} the states may "
                f"have been written before it: a crash between the two would step events twice. "
                f"Give the cursor to step, or use commit_every=None."
            )
        batch = self._gather(cursor)
        if wait or self._every == "batch":
            self._flush()
            self._failure = None  # told here
            batch.future.result()
        else:
            self._start()
            self._wake.set()
        return batch.future

    def close(self) -> None:
        """Commit what is left and stop; not to be called with the lock held.

        Raises:
            StoreError: it could not be written; the changes are still there, to close once more.
        """
        self.commit()
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recurra-commits", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        wait = self._every / 1000 if isinstance(self._every, (int, float)) else None
        due = None if wait is None else time.monotonic() + wait
        while not self._stopping:
            self._wake.wait(None if due is None else max(0.0, due - time.monotonic()))
            self._wake.clear()
            if wait is not None and due is not None and time.monotonic() >= due:
                self._gather(None)
                due = max(due + wait, time.monotonic())
            self._flush()

    def _gather(self, cursor: bytes | None) -> _Batch:
        """Collect what has changed; nothing at all is durable already."""
        with self._lock:
            batch = _Batch(self._collect(), self._cursor if cursor is None else cursor)
            self._cursor = None
            with self._pending_lock:
                changed = batch.changes.keys or batch.changes.forgotten
                if changed or batch.cursor is not None or self._pending:
                    self._pending.append(batch)
                else:
                    batch.future.set_result(None)
        return batch

    def _flush(self) -> None:
        """Write what was collected."""
        with self._writing:
            with self._pending_lock:
                batches = list(self._pending)
            if not batches:
                return
            began = time.perf_counter()
            try:
                cursors = [batch.cursor for batch in batches if batch.cursor is not None]
                changes = _merged(batches)
                self._store.commit(changes, cursors[-1] if cursors else None)
            except Exception as error:  # noqa: BLE001 - whatever it is, someone shall hear of it
                self._failed(batches, error)
                return
            with self._pending_lock:
                del self._pending[: len(batches)]
            if self._metrics is not None:
                self._metrics.count("commits")
                self._metrics.count("committed_states", len(changes.keys))
                self._metrics.observe("commit", time.perf_counter() - began)
            for batch in batches:
                if not batch.future.done():
                    batch.future.set_result(None)

    def _failed(self, batches: list[_Batch], error: Exception) -> None:
        log.warning("a commit failed: %s", error)
        self._failure = error
        if self._metrics is not None:
            self._metrics.count("failed_commits")
        if self._every == "batch":
            with self._pending_lock:
                del self._pending[: len(batches)]
            for batch in reversed(batches):
                self._undo(batch.changes)
        for batch in batches:
            if not batch.future.done():
                batch.future.set_exception(error)


def _merged(batches: Sequence[_Batch]) -> Changes:
    """Changes one after the other as one; the last word on a key counts."""
    if len(batches) == 1:
        return batches[0].changes
    found: dict[bytes, bytes | memoryview | None] = {}
    for batch in batches:
        found.update(batch.found)
    values = {key: value for key, value in found.items() if value is not None}
    forgotten = [key for key, value in found.items() if value is None]
    expired = batches[-1].changes.expired_before
    return Changes(list(values), list(values.values()), forgotten, expired)
