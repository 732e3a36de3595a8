"""One process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from recurra.errors import StoreLockedError

__all__ = ["FolderLock"]

NAME = "recurra.lock"


class FolderLock:
    """A folder that is ours until `release`, or until the process ends, however it ends.

    The file holds the owner's process number, for whoever is refused.

    Args:
        folder: which; it exists.

    Raises:
        StoreLockedError: another one has it.
        OSError: the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._descriptor, 20).decode(errors="replace").strip()
            os.close(self._descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            who = "this process" if owner == str(os.getpid()) else f"process {owner or 'unknown'}"
            raise StoreLockedError(
                f"{folder}: is in use by {who}, and a store is for one at a time. "
                f"Stop it or close its streams, or open the store with readonly=True to look at it."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)
