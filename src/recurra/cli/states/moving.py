"""What `export` and `import` do."""

from __future__ import annotations

from pathlib import Path

from recurra.cli.console import console
from recurra.data.words import counted
from recurra.errors import DataError
from recurra.streaming import load
from recurra.streaming.parquet import read_parquet, write_parquet
from recurra.streaming.store import Changes, LmdbStore

__all__ = ["export_states", "import_states"]


def export_states(folder: Path, file: Path) -> None:
    """Write a folder's states to a file."""
    with LmdbStore(folder, readonly=True) as store:
        count = write_parquet(file, store.layout, store.items())
    console.print(f"{file}: {counted(count, 'key')}.", markup=False, soft_wrap=True)


def import_states(folder: Path, file: Path, model: Path | None) -> None:
    """Put a file's states into a folder.

    Raises:
        DataError: there is no folder, and no model to make one for.
        StateError: they are another model's.
        ModelFileError: the file is damaged; nothing has changed then.
    """
    if model is None and not folder.exists():
        raise DataError(f"{folder}: there is no such folder. To make it, name the --model.")
    count = 0
    with LmdbStore(folder, None if model is None else load(model)) as store:
        for items in read_parquet(file, store.layout):
            keys, values = zip(*items, strict=True)
            store.commit(Changes(list(keys), list(values), []), None)
            count += len(items)
    console.print(f"{folder}: {counted(count, 'key')} taken in.", markup=False, soft_wrap=True)
