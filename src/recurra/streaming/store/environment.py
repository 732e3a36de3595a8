"""The LMDB environment of a store: opened after a check, its map growing with what is written."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from recurra.atomic import flush_folder
from recurra.errors import MissingExtraError, StoreError, StoreFileError, StoreLockedError
from recurra.streaming.store.health import check_file
from recurra.streaming.store.locking import NAME as LOCK
from recurra.streaming.store.records import sign

__all__ = ["DATA", "Environment", "prepare_folder"]

DATA = "data.mdb"
NEW = ".new."  # how names of folders begin whose file is not whole yet
SMALLEST_MAP = 64 << 20

log = logging.getLogger(__name__)


def prepare_folder(folder: Path, *, create: bool) -> None:
    """See that a folder is a store's, or make it.

    Raises:
        StoreFileError: it is not, or is not there.
        StoreError: it could not be made.
    """
    try:
        if create and not folder.exists():
            folder.mkdir()
            flush_folder(folder.parent)
        files = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        missing = folder.parent if create else folder
        raise StoreFileError(f"{folder}: there is no folder {missing}.") from None
    except NotADirectoryError:
        raise StoreFileError(f"{folder}: is a file, expected the folder of a store.") from None
    except OSError as error:
        raise StoreError(f"{folder}: cannot be used ({error.strerror}).") from error
    strangers = {name for name in files - {LOCK} if not name.startswith(NEW)}
    if DATA not in files and (not create or strangers):
        raise StoreFileError(
            f"{folder}: is not a store of states: it has no {DATA}"
            + (f", but other files, such as {min(strangers)}." if strangers else ".")
        )


class Environment:
    """An LMDB environment in its safe mode: synchronous, and never written through its map.

    Args:
        folder: where.
        readonly: whether nothing will be written.

    Raises:
        MissingExtraError: lmdb is not installed.
    """

    def __init__(self, folder: Path, *, readonly: bool) -> None:
        try:
            import lmdb
        except ImportError as error:
            raise MissingExtraError.named("lmdb", "streams") from error
        self._lmdb = lmdb
        self._folder = folder
        self._readonly = readonly
        self._env: Any = None

    def make(self, records: Mapping[bytes, bytes]) -> None:
        """Put a new file with these records there, whole or not at all.

        Raises:
            StoreError: it could not be written.
        """
        for leftover in self._folder.glob(f"{NEW}*"):
            shutil.rmtree(leftover)
        beside = self._folder / f"{NEW}{os.urandom(8).hex()}"
        try:
            with self._open(beside, lock=False) as env, env.begin(write=True) as txn:
                for key, record in records.items():
                    txn.put(key, record)
                sign(txn)
            (beside / DATA).rename(self._folder / DATA)
            beside.rmdir()
            flush_folder(self._folder)
        except self._lmdb.Error as error:
            raise self._told(error, "cannot be made") from error

    def open(self) -> None:
        """Check the file and open it.

        Raises:
            StoreFileError: it is damaged.
            StoreError: it cannot be opened.
        """
        file = self._folder / DATA
        check_file(file, head_only=self._readonly)
        try:
            self._env = self._open(
                self._folder,
                readonly=self._readonly,
                map_size=max(SMALLEST_MAP, 2 * file.stat().st_size),
            )
        except self._lmdb.Error as error:
            raise self._told(error, "cannot be opened") from error
        if self._readonly:
            with self.reader():  # pages of what a reader sees stay as they are
                self.check()

    def check(self) -> None:
        """Check the file again; held by a reader, it may be written to meanwhile.

        Raises:
            StoreFileError: it is damaged.
        """
        check_file(self._folder / DATA, tries=5 if self._readonly else 1)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Any]:
        """A transaction that reads."""
        try:
            txn = self._env.begin()
        except self._lmdb.MapResizedError:  # by the process that writes
            self._env.set_mapsize(0)
            txn = self._env.begin()
        with txn:
            try:
                yield txn
            except self._lmdb.Error as error:
                raise self._told(error, "cannot be read") from error

    def write(
        self, change: Callable[[Any], object], nobody_reads: contextlib.AbstractContextManager[Any]
    ) -> None:
        """Make changes in one transaction, durable when it returns.

        Args:
            change: makes them; called again where they did not fit.
            nobody_reads: held while the map grows.

        Raises:
            StoreError: they could not be written; nothing has changed.
        """
        while not self._try_to(change, nobody_reads):
            pass

    def _try_to(
        self, change: Callable[[Any], object], nobody_reads: contextlib.AbstractContextManager[Any]
    ) -> bool:
        try:
            with self._env.begin(write=True) as txn:
                change(txn)
                sign(txn)
            return True
        except self._lmdb.MapFullError:
            with nobody_reads:
                self._grow()
        except self._lmdb.PanicError as error:  # the write before this one failed half-way
            log.warning("%s: opened again after a write that failed (%s)", self._folder, error)
            with nobody_reads:
                self.reopen()
        except self._lmdb.Error as error:
            raise self._told(error, "cannot be written") from error
        return False

    def copy(self, folder: Path) -> None:
        """Put a file into a folder that holds what is in use, without what is not.

        Raises:
            StoreError: it could not be written.
        """
        try:
            self._env.copy(str(folder), compact=True)
            with self._open(folder, lock=False) as env:
                for _ in range(2):  # the copy counts its transactions anew; one for each meta page
                    with env.begin(write=True) as txn:
                        sign(txn)
        except self._lmdb.Error as error:
            raise self._told(error, "cannot be copied") from error

    def reopen(self) -> None:
        """Close and open again, with the same checks."""
        self.close()
        self.open()

    def close(self) -> None:
        """Let go of the file."""
        self._env.close()

    def _open(self, path: Path, *, readonly: bool = False, **options: Any) -> Any:
        return self._lmdb.open(
            str(path),
            readonly=readonly,
            mode=0o666,
            lib_version=0,  # the format of LMDB 0.9, whatever else lmdb brings
            **options,
        )

    def _grow(self) -> None:
        size = 2 * self._env.info()["map_size"]
        log.info("%s: its map grows to %d MiB", self._folder, size >> 20)
        self._env.set_mapsize(size)

    def _told(self, error: Any, what: str) -> StoreError:
        """Our error for one of LMDB's."""
        lmdb, folder = self._lmdb, self._folder
        code = getattr(error, "code", 0)
        if code == errno.ENOSPC:
            return StoreError(
                f"{folder}: {what}: the disk is full. Nothing is lost as long as the process "
                f"lives: free some space, and the next commit writes it."
            )
        if isinstance(
            error,
            (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.BadTxnError),
        ):
            return StoreFileError(f"{folder}: {what}: its file is damaged ({error}).")
        if "already open" in str(error):
            return StoreLockedError(
                f"{folder}: is open in this process (number {os.getpid()}) already."
            )
        return StoreError(f"{folder}: {what} ({error}).")
