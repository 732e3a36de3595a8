"""Rows of a long table sorted into sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import as_times, decoded, refuse_nulls
from recurra.data.roles import Roles
from recurra.data.source import Source
from recurra.errors import DataError


@dataclass(frozen=True, eq=False)
class Groups:
    """The file's rows in the order of the sequences, and where each sequence begins."""

    order: NDArray[np.intp]  # (row,)  file rows, sequence by sequence, sorted by time
    starts: NDArray[np.intp]  # (sequence,)  into order
    ids: tuple[str, ...]  # (sequence,)  in the order they first appear in the file

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Steps of each sequence, (sequence,)."""
        return np.diff(self.starts, append=len(self.order))

    def split(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Values already in ``order``, one array a sequence."""
        return np.split(values, self.starts[1:])

    def begins(self) -> NDArray[np.bool_]:
        """Which rows, in ``order``, are the first of their sequence."""
        result = np.zeros(len(self.order), dtype=bool)
        result[self.starts] = True
        return result


def group(source: Source, table: Any, roles: Roles) -> Groups:
    """Group by the sequence column, then sort by the time column; without one keep file order."""
    rows = table.num_rows
    codes, ids = np.zeros(rows, dtype=np.int64), [""]
    if roles.sequence is not None:
        column = decoded(table[roles.sequence])
        refuse_nulls(source, column, roles.sequence)
        encoded = column.dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        ids = [str(each) for each in encoded.dictionary.to_pylist()]
    if roles.time is None:
        order = np.argsort(codes, kind="stable")
    else:
        times = as_times(source, decoded(table[roles.time]), roles.time)
        order = np.lexsort((times, codes))
        _refuse_repeats(source, roles, codes, times, order)
    starts = np.searchsorted(codes[order], np.arange(len(ids)))
    return Groups(order=order, starts=starts, ids=tuple(ids))


def _refuse_repeats(
    source: Source,
    roles: Roles,
    codes: NDArray[Any],
    times: NDArray[Any],
    order: NDArray[np.intp],
) -> None:
    """Raise at the first row that has the sequence and the time of an earlier one."""
    assert roles.time is not None
    before, after = order[:-1], order[1:]
    repeats = (codes[before] == codes[after]) & (times[before] == times[after])
    if not repeats.any():
        return
    row = int(after[repeats].min())
    twins = np.flatnonzero((codes == codes[row]) & (times == times[row]))
    place, text = source.cell(row, roles.time)
    first, _ = source.cell(int(twins[0]), roles.time)
    if roles.sequence is None:
        where, repair = "", "If the file holds several sequences, name their column: sequence=."
    else:
        where = f" of sequence {source.cell(row, roles.sequence)[1]!r}"
        repair = "Remove one of them."
    raise DataError(
        f"{source.path}, {place}, column {roles.time!r}: time {text!r}{where} "
        f"was already in {first}. {repair}"
    )
