"""One sequence out of a file, for `recurra inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.cli.notes import Notes
from recurra.data import EventReader, column_names, read_inputs
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
        found = _from_table(path, notes, notes.features, key)
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
    rows: dict[str, list[NDArray[np.float64]]] = {}
    with EventReader(path, key=key) as reader:
        for batch in reader:
            for reject in batch.rejects:
                raise DataError(reject.message(reader.name, reader.unit))
            for whose, values in zip(batch.keys or repeat(""), batch.values, strict=False):
                rows.setdefault(whose, []).append(values)
    return {name: np.array(rows[name]) for name in sorted(rows)}


def _from_table(
    path: Path, notes: Notes, features: Sequence[str], key: str | None
) -> dict[str, NDArray[np.float64]]:
    if key in features:
        raise DataError(
            f"--key {key}: is a feature of the model. Name the column that tells sequences apart."
        )
    free = [name for name in column_names(path) if name not in features]
    sequence = key or _noted(notes.sequence, free)
    time = _noted(notes.time, [name for name in free if name != sequence])
    try:
        table = read_inputs(path, features=features, sequence=sequence, time=time)
    except DataError as error:
        raise DataError(str(error).replace("sequence=.", "key=.")) from error  # the option here
    rows = [x.astype(np.float64) for x in table.sequences]  # room for means and squares
    return dict(zip(table.sequence_ids, rows, strict=True))


def _noted(name: str | None, there: Sequence[str]) -> str | None:
    """The noted column, if the file has it."""
    return name if name in there else None
