"""Where answers and rejects go: standard output, or a file that can be gone on with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from recurra.errors import DataError

__all__ = ["OutputFile", "StandardOutput", "create", "go_on"]


class StandardOutput:
    """The bytes leave at once, and are gone."""

    length: int | None = None

    def write(self, data: bytes) -> None:
        """All of it, now."""
        _write(sys.stdout.buffer, data)
        sys.stdout.flush()

    def sync(self) -> None:
        """Nothing: a pipe keeps nothing."""

    def close(self) -> None:
        """Nothing: it is not ours."""


class OutputFile:
    """A file that is written at its end.

    Attributes:
        length: its bytes so far.
    """

    def __init__(self, path: Path, file: BinaryIO, length: int) -> None:
        self.path = path
        self.length = length
        self._file = file

    def write(self, data: bytes) -> None:
        """All of it, now."""
        _write(self._file, data)
        self.length += len(data)

    def sync(self) -> None:
        """What was written stays when the power goes."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def _write(file: BinaryIO, data: bytes) -> None:
    """All of it: a file without a buffer, as standard output may be, takes a part at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def create(path: Path) -> OutputFile:
    """Open an empty file, which takes the place of a former one."""
    return OutputFile(path, path.open("wb", buffering=0), 0)


def go_on(path: Path, length: int) -> OutputFile:
    """Open a file where a run stopped: what was written after its last commit is cut off.

    Args:
        path: the file.
        length: as committed.

    Raises:
        DataError: it is shorter.
    """
    there = path.stat().st_size if path.exists() else 0
    if there < length:
        raise DataError(
            f"{path}: has {there} bytes, but {length} were written when the run was left. "
            f"Bring that file back, or name another one and start without --resume."
        )
    file = path.open("r+b" if there else "wb", buffering=0)
    file.truncate(length)
    file.seek(length)
    return OutputFile(path, file, length)
