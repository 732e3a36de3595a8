"""The check of a store's file before LMDB sees it.

LMDB trusts its pages: a damaged one can end the process, and can hide a key so that its stream
silently starts anew. So the file is read and checked whole, in native code that believes nothing.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from recurra.engine import _native
from recurra.errors import StoreError, StoreFileError

__all__ = ["check_file"]


def check_file(file: Path, *, head_only: bool = False, tries: int = 1) -> None:
    """See that a file is whole.

    Args:
        file: LMDB's data file.
        head_only: look at the first two pages only.
        tries: how often to look before it is called damaged, where another process may be writing.

    Raises:
        StoreFileError: it is damaged, or not LMDB's; the message says where.
        StoreError: it cannot be read.
    """
    try:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as map_:
            map_.madvise(mmap.MADV_WILLNEED)
            problem = _problem(map_, head_only, tries)
    except ValueError:  # nothing can be mapped of a file of no bytes
        problem = "it is empty"
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror}).") from error
    if problem:
        raise StoreFileError(
            f"{file}: is damaged, or not the file of a store: {problem}. Go back to a copy of its "
            f"folder, or start with a new one."
        )


def _problem(bytes_: mmap.mmap, head_only: bool, tries: int) -> str:
    for _ in range(tries):
        found = _native.check_store(np.frombuffer(bytes_, np.uint8), head_only)
        if not found.problem:
            return ""
    return found.problem
