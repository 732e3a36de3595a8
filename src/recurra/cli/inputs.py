"""One sequence out of a file, for `recurra inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.cli.notes import Notes
from recurra.data import events
from recurra.data.columns import as_floats, decoded
from recurra.data.grouping import group
from recurra.data.roles import SEQUENCE_NAMES, TIME_NAMES, Roles
from recurra.data.source import Source
from recurra.data.table import open_table
from recurra.data.words import counted, missing_name
from recurra.errors import DataError

__all__ = ["Chosen", "read_sequence"]


class Chosen(NamedTuple):
    """A sequence and where it comes from."""

    x: NDArray[np.float64]  # (time, feature)
    name: str  # of the sequence; "" where the file is one
    others: int  # sequences in the file besides it


def read_sequence(
    path: Path, notes: Notes, input_size: int | None, *, key: str | None, wanted: str | None
) -> Chosen:
    """Read a table of the form that the model was trained on, or events without names.

    Args:
        path: the file.
        notes: tell the features, and the columns of sequence and time if the file has them.
        input_size: features of x, or None for any.
        key: the column that tells sequences apart, instead of the notes' one.
        wanted: the sequence to take; None takes the first.

    Raises:
        DataError: the file cannot be used, or has no such sequence.
    """
    if notes.features is None:
        found = _from_events(path, key)
    else:
        found = _from_table(open_table(path), notes, notes.features, key)
    if wanted is not None and list(found) == [""]:
        raise DataError(
            f"{path}: no column tells its sequences apart, so there is no sequence {wanted!r}. "
            f"Name the column with --key."
        )
    if wanted is not None and wanted not in found:
        raise DataError(f"{path}: {missing_name('sequence', wanted, found)}")
    name = next(iter(found)) if wanted is None else wanted
    x = found[name]
    if input_size is not None and x.shape[1] != input_size:
        values = counted(x.shape[1], "feature")
        raise DataError(f"{path}: has {values} a step, the model takes {input_size}.")
    return Chosen(x, name, len(found) - 1)


def _from_events(path: Path, key: str | None) -> dict[str, NDArray[np.float64]]:
    rows = sorted(
        ((event.key or "", event.values) for event in events(path, key=key)), key=lambda row: row[0]
    )
    grouped = groupby(rows, key=lambda row: row[0])
    return {name: np.array([values for _, values in part]) for name, part in grouped}


def _from_table(
    source: Source, notes: Notes, features: Sequence[str], key: str | None
) -> dict[str, NDArray[np.float64]]:
    for name in (*features, *([] if key is None else [key])):
        if name not in source.names:
            missing = missing_name("column", name, source.names)
            raise DataError(f"{source.path}{source.header}: {missing}")
    free = [name for name in source.names if name not in features]
    sequence = key or _first_of((notes.sequence, *SEQUENCE_NAMES), free)
    time = _first_of((notes.time, *TIME_NAMES), free)
    table: Any = source.read(as_text=[sequence] if sequence else [])
    if table.num_rows == 0:
        raise DataError(f"{source.path}: there are no rows, only the names of the columns.")
    groups = group(source, table, Roles("", sequence, time, tuple(features), frozenset()))
    columns = [as_floats(source, decoded(table[name]), name, "") for name in features]
    matrix = np.stack(columns, axis=1)[groups.order]
    return dict(zip(groups.ids, groups.split(matrix), strict=True))


def _first_of(names: Sequence[str | None], there: Sequence[str]) -> str | None:
    """The noted column or else one with a usual name, if the file has it."""
    return next((name for name in names if name in there), None)
