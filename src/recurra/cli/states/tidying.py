"""What `reset` and `compact` do."""

from __future__ import annotations

from pathlib import Path

from recurra.cli.console import console
from recurra.cli.states.naming import encoded
from recurra.cli.states.options import Kind
from recurra.data.words import counted
from recurra.errors import DataError
from recurra.streaming.store import Changes, LmdbStore

__all__ = ["compact_folder", "reset_states"]

CHUNK = 10_000


def reset_states(
    folder: Path, keys: list[str], kind: Kind, *, everything: bool, position: bool
) -> None:
    """Forget states, or how far the input was read.

    Raises:
        DataError: a key has no state; nothing has changed then.
    """
    if not (keys or everything or position) or (keys and everything):
        raise DataError("states reset: give keys, or --all, or --position.")
    with LmdbStore(folder) as store:
        wanted = [encoded(key, kind) for key in keys]
        for key, value in zip(keys, store.get_many(wanted), strict=True):
            if value is None:
                raise DataError(f"{folder}: has no state of {kind.value} key {key!r}.")
        if everything:
            wanted = [key for key, _ in store.items()]
        for start in range(0, len(wanted), CHUNK):
            store.commit(Changes([], [], wanted[start : start + CHUNK]), None)
        if position:
            store.commit(Changes([], [], []), b"")
    if wanted:
        console.print(f"Reset: {counted(len(wanted), 'key')}.")
    if position:
        console.print("Forgotten: the position in the input.")


def compact_folder(folder: Path) -> None:
    """Write the folder anew without what is not in use."""
    with LmdbStore(folder) as store:
        before = _size(folder)
        store.compact()
    console.print(
        f"{folder}: {before:,} bytes, now {_size(folder):,}.", markup=False, soft_wrap=True
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
