"""The bytes of a file, for as long as they are looked at."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recurra.errors import ModelFileError

__all__ = ["MAPPED_FROM", "bytes_of"]

# What is mapped is gone, and the process with it, when somebody cuts the file meanwhile; what was
# read is not. Reading costs a copy, which takes milliseconds up to here.
MAPPED_FROM = 16 << 20


@contextmanager
def bytes_of(path: str | os.PathLike[str]) -> Iterator[bytes | mmap.mmap]:
    """A file's bytes: read if it is small, mapped if it is large.

    Raises:
        ModelFileError: at the end, if a mapped file was written to meanwhile.
        OSError: there is no such file, or it cannot be read.

    >>> _ = Path("words").write_bytes(b"remember me")
    >>> with bytes_of("words") as data:
    ...     print(data[:8])
    b'remember'
    """
    with Path(path).open("rb") as file:
        before = os.fstat(file.fileno())
        if before.st_size < MAPPED_FROM:
            yield file.read()
            return
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        after = os.fstat(file.fileno())
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ModelFileError(
                f"{path}: was written to while it was read. Write beside it and rename, as "
                f"recurra.save does, and read it again."
            )
