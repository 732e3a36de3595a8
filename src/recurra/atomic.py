"""Files that are either the old ones or the new ones, never half of one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["flush_folder", "replacing", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: beside it, flushed to the disk, then renamed over it.

    Whatever fails, and whenever the power goes, the file holds its former contents or the new
    ones, and nothing is left beside it after an error. A symbolic link stays one, and a file that
    is replaced keeps its permissions.

    Args:
        path: where; its folder exists.
        data: the whole contents.

    Raises:
        OSError: the file cannot be written, or is a device or a pipe.

    >>> write_atomically("words.txt", b"remember me")
    >>> Path("words.txt").read_bytes()
    b'remember me'
    """
    with replacing(path) as (beside, target):
        _write_through(beside, data, like=target)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[tuple[Path, Path]]:
    """For a file that is written by a block: it takes its place when the block ends well.

    Args:
        path: where; its folder exists.

    Returns:
        What to write, and flush to the disk, and the file whose place it takes, links followed.

    Raises:
        OSError: as of `write_atomically`.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file, so it cannot be replaced in one step.")
    beside = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}")
    try:
        try:
            yield beside, target
            os.replace(beside, target)  # noqa: PTH105 - one name for tests to take away
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        flush_folder(target.parent)
    except OSError as error:
        if error.errno is None:
            raise
        # The name the caller knows, not that of the file beside it.
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def _write_through(path: Path, data: bytes, *, like: Path) -> None:
    # 0o666 leaves the permissions to the umask, as open() does.
    mode = stat.S_IMODE(like.stat().st_mode) if like.exists() else None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(path, flags, 0o666 if mode is None else mode)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            path.chmod(mode)  # what the umask took away
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Make durable which files a folder has, where folders can be flushed."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
