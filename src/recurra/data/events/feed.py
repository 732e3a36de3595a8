"""Bytes of a file, a pipe or a terminal as they come, waited for no longer than wanted."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path
from typing import IO, Any

from recurra.errors import DataError

__all__ = ["Feed"]

CHUNK = 1 << 18


class Feed:
    """An input that is read by its descriptor, so that nothing waits in a buffer unseen.

    Args:
        source: a path, "-" for standard input, or an open file of bytes that nothing was read of.
        wake: a descriptor; when it can be read, every wait for input is over, and so is the input.

    Attributes:
        name: for messages.
        regular: whether it is a file on a disk, which can be read from any place.
        file: the open file.
        origin: where in a file reading begins; what came before it is somebody else's.
        stopped: whether ``wake`` ended it.
    """

    def __init__(self, source: str | os.PathLike[str] | IO[Any], wake: int | None = None) -> None:
        self.name, self.file, self._ours = _open(source)
        self.stopped = False
        self._wake = wake
        self._ahead: list[bytes] = []
        self._descriptor = _descriptor(self.file)
        self.regular = self._descriptor is not None and stat.S_ISREG(
            os.fstat(self._descriptor).st_mode
        )
        self.origin = self._place() if self.regular else 0

    def close(self) -> None:
        """Close the file if it was opened here."""
        if self._ours:
            self.file.close()

    def read(self, timeout: float | None = None) -> bytes | None:
        """What is there, b"" at the end, or None when ``timeout`` seconds brought nothing."""
        if self._ahead:
            return self._ahead.pop()
        try:
            if self._descriptor is None:
                return self._read_object()
            if not self.regular and not self._wait(timeout):
                return b"" if self.stopped else None
            return os.read(self._descriptor, CHUNK)
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read ({error.strerror}).") from error

    def peek(self) -> bytes:
        """The next bytes, which are then read once more."""
        found = self.read() or b""
        self._ahead.append(found)
        return found

    def seek(self, at: int) -> None:
        """Go to a place in a regular file."""
        assert self._descriptor is not None
        os.lseek(self._descriptor, at, os.SEEK_SET)
        self._ahead.clear()

    def size(self) -> int:
        """Bytes of a regular file."""
        assert self._descriptor is not None
        return os.fstat(self._descriptor).st_size

    def read_at(self, at: int, count: int) -> bytes:
        """Bytes of a regular file, wherever it is read."""
        assert self._descriptor is not None
        return os.pread(self._descriptor, count, at)

    def _place(self) -> int:
        assert self._descriptor is not None
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def _wait(self, timeout: float | None) -> bool:
        """Whether there is something to read."""
        wanted = [each for each in (self._descriptor, self._wake) if each is not None]
        ready, _, _ = select.select(wanted, [], [], timeout)
        self.stopped = self._wake is not None and self._wake in ready
        return bool(ready) and not self.stopped

    def _read_object(self) -> bytes:
        found = self.file.read(CHUNK)
        return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found


def _open(source: str | os.PathLike[str] | IO[Any]) -> tuple[str, IO[Any], bool]:
    """A name for messages, the file, and whether it is ours to close."""
    if not isinstance(source, (str, os.PathLike)):
        name = getattr(source, "name", None)
        return (name if isinstance(name, str) else "<stream>"), source, False
    if os.fspath(source) == "-":
        return "<stdin>", getattr(sys.stdin, "buffer", sys.stdin), False
    path = Path(source)
    if not path.exists():
        raise DataError(f"{path}: there is no such file.")
    try:
        return str(path), path.open("rb", buffering=0), True
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _descriptor(file: IO[Any]) -> int | None:
    try:
        return file.fileno()
    except (AttributeError, OSError, ValueError):  # an object in memory
        return None
