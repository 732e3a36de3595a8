"""States in a folder, by LMDB."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.errors import StoreError, StoreFileError
from recurra.streaming.store import copying
from recurra.streaming.store.environment import DATA, Environment, prepare_folder
from recurra.streaming.store.layout import StoreLayout
from recurra.streaming.store.locking import FolderLock
from recurra.streaming.store.protocol import Changes
from recurra.streaming.store.records import ABOUT, CURSOR, Records, sealed, stored_key, unsealed
from recurra.streaming.store.sweeping import Sweep

if TYPE_CHECKING:
    from recurra.streaming.model import Model

__all__ = ["LmdbStore"]

CHUNK = 1000  # records read in one go
PART = 256  # records written in one go
PAUSE = 2e-5  # seconds between two of them


class LmdbStore:
    """The states of streams in a folder, durable and for one process at a time.

    Opening reads and checks the whole file, about a second for 2 GB that the system has in memory.

    Args:
        path: the folder; it is made where there is none.
        model: whose states they are; None is whatever is there.
        readonly: only to look at it, which any number of processes may do beside its user.

    Attributes:
        cursor: the position in the source that the states belong to, None where there is none.
        layout: the fingerprint and slots of the states.

    Raises:
        StateError: the states were made under another model.
        StoreFileError: the folder or its file is damaged, of a newer version, or not a store.
        StoreLockedError: another process uses it.
        StoreError: the folder cannot be read or written.
        MissingExtraError: lmdb is not installed.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
    >>> store = LmdbStore("states", rc.load("seen.recurra"))
    >>> value = bytes(8 + store.layout.row_bytes)
    >>> store.commit(Changes([b"spump-7"], [value], []), b"line 1")
    >>> store.get_many([b"spump-7", b"spump-8"]) == [value, None]
    True
    >>> len(store), store.cursor
    (1, b'line 1')
    >>> store.close()
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: Model | None = None,
        *,
        readonly: bool = False,
    ) -> None:
        self.path = Path(path)
        self.readonly = readonly
        self.cursor: bytes | None = None
        wanted = None if model is None else StoreLayout.of(model)
        prepare_folder(self.path, create=wanted is not None and not readonly)
        self._lock = None if readonly else FolderLock(self.path)
        self._reading = threading.RLock()  # a map grows while nobody reads
        self._writing = threading.Lock()
        try:
            self._environment = Environment(self.path, readonly=readonly)
            if wanted is not None and not (self.path / DATA).exists():
                self._environment.make({ABOUT: sealed(ABOUT, wanted.as_json())})
            self._environment.open()
            try:
                self.layout = self._agree_on(wanted)
            except BaseException:
                self._environment.close()
                raise
        except BaseException:
            self._unlock()
            raise
        self._records = Records(self.layout.row_bytes, str(self.path))
        self._sweep = Sweep()
        self._closed = False

    def __repr__(self) -> str:
        return f"LmdbStore({str(self.path)!r}, {len(self)} keys, cursor={self.cursor!r})"

    def __enter__(self) -> LmdbStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        with self._reader() as txn:
            own = 2 + (txn.get(CURSOR) is not None)
            return int(txn.stat()["entries"]) - own

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored values; None where there is none.

        Raises:
            StoreFileError: one of them is damaged.
        """
        unpack = self._records.unpack
        found: list[bytes | None] = []
        with self._reader() as txn:
            get = txn.get
            for key in keys:
                short = stored_key(key)
                record = get(short)
                if record is None:
                    found.append(None)
                    continue
                owner, value = unpack(short, record)
                if owner != key:
                    raise StoreFileError(f"{self.path}: two long keys have one hash.")
                found.append(value)
        return found

    def commit(self, changes: Changes, cursor: bytes | None) -> None:
        """Write in one transaction, durable when it returns.

        Args:
            changes: what is new, and what leaves.
            cursor: the position that the states now belong to; None keeps the former one.

        Raises:
            StoreError: it could not be written, for example because the disk is full; the store
                is as it was, and open.
        """
        self._check_open()
        if self.readonly:
            raise StoreError(f"{self.path}: was opened to look at it only, with readonly=True.")

        def write(txn: Any) -> None:
            self._put(txn, changes)
            for key in changes.forgotten:
                txn.delete(stored_key(key))
            if changes.expired_before is not None:
                self._sweep.over(txn, changes.expired_before, 1000 + 2 * len(changes.keys))
            if cursor is not None:
                txn.put(CURSOR, sealed(CURSOR, cursor))

        with self._writing:
            self._environment.write(write, self._reading)
            if cursor is not None:
                self.cursor = cursor

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key with its value, in the order of the stored keys.

        What is committed meanwhile may be among them or not.

        Raises:
            StoreFileError: a record is damaged.
        """
        after = CURSOR  # the last of our own
        while records := self._records_after(after):
            for short, record in records:
                yield self._records.unpack(short, record)
            after = records[-1][0]

    def check(self) -> int:
        """Read all of it again and check it: every page, every checksum, every state.

        Returns:
            How many keys there are.

        Raises:
            StoreFileError: something is damaged; the message says what.
        """
        with self._reader():
            self._environment.check()
        return sum(1 for _ in self.items())

    def compact(self, to: str | os.PathLike[str] | None = None) -> None:
        """Write the store without its unused pages, which LMDB keeps for later use.

        Args:
            to: another folder, which is made; None is in the store's own place.

        Raises:
            StoreError: it could not be written, or there is something already.
        """
        self._check_open()
        with self._writing, self._reading:
            if to is not None:
                copying.copy_to(self._environment, Path(to))
            elif self.readonly:
                raise StoreError(f"{self.path}: was opened to look at it only, with readonly=True.")
            else:
                copying.replace(self._environment, self.path / DATA)

    def close(self) -> None:
        """Let go of the folder. What was committed is there; closing twice does nothing."""
        if not self._closed:
            with self._writing, self._reading:
                self._closed = True
                self._environment.close()
                self._unlock()

    def _put(self, txn: Any, changes: Changes) -> None:
        """Write records in parts, and let other threads of Python have their turn between two.

        LMDB's binding gives the interpreter's lock back for each record and takes it again before
        a thread that waits for it has woken up.
        """
        pack, put = self._records.pack, txn.cursor().putmulti
        records = zip(changes.keys, changes.values, strict=True)
        while part := [pack(*each) for each in islice(records, PART)]:
            put(part)
            if len(part) == PART:
                time.sleep(PAUSE)

    def _records_after(self, key: bytes) -> list[tuple[bytes, bytes]]:
        with self._reader() as txn:
            cursor = txn.cursor()
            if not cursor.set_range(key + b"\0"):
                return []
            return list(islice(cursor, CHUNK))

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        with self._reading:
            self._check_open()
            with self._environment.reader() as txn:
                yield txn

    def _agree_on(self, wanted: StoreLayout | None) -> StoreLayout:
        """The layout of the states that are here."""
        source = str(self.path)
        with self._environment.reader() as txn:
            about, cursor = txn.get(ABOUT), txn.get(CURSOR)
        if about is None:
            raise StoreFileError(f"{source}: is an LMDB database that recurra did not write.")
        found = StoreLayout.from_json(unsealed(ABOUT, about, source), source)
        if wanted is not None:
            found.check_is_of(wanted, source)
        self.cursor = None if cursor is None else unsealed(CURSOR, cursor, source)
        return found

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.path}: is closed. Open it again.")

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
