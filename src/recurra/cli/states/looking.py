"""What `ls`, `show` and `check` say: nothing is changed, and a stream may be running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from recurra.cli.console import console
from recurra.cli.keeping import Place
from recurra.cli.states.naming import encoded, shown_key, shown_time
from recurra.cli.states.options import Kind
from recurra.data.words import counted
from recurra.errors import DataError, StateError
from recurra.streaming.rows import LAST_SEEN, Rows, last_seen
from recurra.streaming.store import LmdbStore

__all__ = ["check_folder", "list_keys", "show_folder", "show_key"]

SHOWN = 50  # keys on a terminal
FEW = 8  # numbers of a slot


def list_keys(folder: Path, *, as_json: bool) -> None:
    """Every key, its kind and when it was last seen."""
    with LmdbStore(folder, readonly=True) as store:
        if as_json:
            for key, kind, seen in _rows(store):
                print(_json({"key": key, "kind": kind, "last_seen": seen / 1e6}))
        elif console.is_terminal:
            _table(store)
        else:
            for key, kind, seen in _rows(store):
                print(_on_one_line(key), kind, shown_time(seen), sep="\t")


def _rows(store: LmdbStore) -> Iterator[tuple[str, str, int]]:
    """Key, kind and microseconds."""
    for key, value in store.items():
        yield *shown_key(key), last_seen(value)


def _table(store: LmdbStore) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("key", "kind", "last seen", box=None, header_style="bold cyan")
    for key, kind, seen in islice(_rows(store), SHOWN):
        table.add_row(Text(_on_one_line(key)), kind, shown_time(seen))
    console.print(table)
    if len(store) > SHOWN:
        console.print(f"and {len(store) - SHOWN:,} more; all in a pipe or with --json.")


def show_folder(folder: Path, *, as_json: bool) -> None:
    """What it holds and how far it has come."""
    with LmdbStore(folder, readonly=True) as store:
        _print(_about(store), as_json=as_json)


def show_key(folder: Path, key: str, kind: Kind, *, as_json: bool) -> None:
    """One state.

    Raises:
        DataError: the folder has no such key.
    """
    with LmdbStore(folder, readonly=True) as store:
        _print(_state(store, key, kind), as_json=as_json)


def check_folder(folder: Path) -> None:
    """Every page, every checksum.

    Raises:
        StoreFileError: something is damaged.
    """
    with LmdbStore(folder, readonly=True) as store:
        console.print(
            f"{folder}: whole, {counted(store.check(), 'key')}.", markup=False, soft_wrap=True
        )


def _about(store: LmdbStore) -> dict[str, Any]:
    layout = store.layout
    said: dict[str, Any] = {
        "keys": len(store),
        "bytes a state": layout.row_bytes,
        "on disk": sum(path.stat().st_size for path in store.path.iterdir()),
        "fingerprint": layout.fingerprint,
    }
    for name, slot in layout.slots.items():
        said[name] = f"{slot.dtype.name} {slot.shape}"
    try:
        place = Place.in_cursor(store.cursor, store.path)
    except StateError:
        said["position"] = repr(store.cursor)
    else:
        if place is not None:
            unit = "row" if place.input["format"] in ("parquet", "arrow") else "line"
            said["position"] = f"after {unit} {place.input['line']}"
    return said


def _state(store: LmdbStore, key: str, kind: Kind) -> dict[str, Any]:
    (value,) = store.get_many([encoded(key, kind)])
    if value is None:
        raise DataError(f"{store.path}: has no state of {kind.value} key {key!r}.")
    state = Rows(store.layout.slots).one(value[LAST_SEEN.itemsize :])
    return {"key": key, "last seen": shown_time(last_seen(value)), **state}


def _print(said: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(_json(said))
        return
    width = max(map(len, said)) + 2
    for name, value in said.items():
        console.print(f"{name:{width}}{_short(value)}", markup=False, soft_wrap=True)


def _short(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return f"{value:,}" if isinstance(value, int) else str(value)
    numbers = " ".join(map(str, value.ravel()[:FEW]))
    return numbers + (f" ... ({value.size} in all)" if value.size > FEW else "")


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, default=lambda array: array.tolist())


def _on_one_line(key: str) -> str:
    return key if key.isprintable() else repr(key)[1:-1]
