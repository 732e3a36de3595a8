"""Long tables, one row a step, read as sequences and targets."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.arrow_source import ipc_source, parquet_source
from recurra.data.columns import as_floats, candidate_features, decoded, no_features
from recurra.data.csv_source import CsvSource
from recurra.data.grouping import Groups, group
from recurra.data.jsonl_source import JsonLinesSource
from recurra.data.roles import Roles, assign_roles
from recurra.data.source import Source
from recurra.data.targets import KINDS, Kind, read_targets
from recurra.data.words import counted, listed
from recurra.errors import DataError

FORMATS: Mapping[str, Callable[[Path], Source]] = MappingProxyType(
    {
        ".csv": CsvSource,
        ".csv.gz": CsvSource,
        ".jsonl": JsonLinesSource,
        ".jsonl.gz": JsonLinesSource,
        ".ndjson": JsonLinesSource,
        ".parquet": parquet_source,
        ".arrow": ipc_source,
        ".feather": ipc_source,
    }
)


@dataclass(frozen=True, eq=False)
class SequenceTable:
    """Sequences of unequal length and what is to be learned of them.

    ``targets`` is one array (sequence,) when ``kind`` is "classify_sequences" or
    "regress_sequences", and a list of one array (time,) a sequence when it is "tag_steps" or
    "regress_steps". Classes are int64 indices into ``class_names``; numbers are float32.
    """

    sequences: list[NDArray[np.float32]]  # each (time, feature)
    targets: NDArray[Any] | list[NDArray[Any]]
    kind: Kind
    sequence_ids: tuple[str, ...]  # ("",) when no column tells the sequences apart
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]  # () when the target is a number
    target_name: str
    sequence_name: str | None
    time_name: str | None
    inferred: tuple[str, ...]  # what was taken for what, in sentences to show


def read_sequences(
    path: str | os.PathLike[str],
    *,
    target: str,
    sequence: str | None = None,
    time: str | None = None,
    features: Sequence[str] | None = None,
    kind: Kind | None = None,
) -> SequenceTable:
    r"""Read a long table: one row a step, with columns for sequence, time, features and target.

    The format goes by the name: .csv, .jsonl or .ndjson (.csv and .jsonl also with .gz), .parquet,
    .arrow, .feather.

    Args:
        path: the file.
        target: the column to learn.
        sequence: the column that tells the sequences apart; if None, one with a usual name such as
            "sequence" or "id"; without one the whole file is one sequence.
        time: the column to sort each sequence by, numbers or dates; if None, one with a usual name
            such as "time"; without one the file's order stands.
        features: the columns that are given to the model; if None, all other columns of numbers.
        kind: what to learn. If None, text, true/false and few different integers are classes and
            all else is a number; a target constant in every sequence is one for the sequence.

    Raises:
        DataError: the file or a value in it cannot be used; names the file, line and column.
        MissingExtraError: pyarrow is not installed.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "words.csv")
    ...     _ = path.write_text("id,time,x,word\na,1,0.5,yes\na,0,0.25,yes\nb,0,2,no\n")
    ...     table = read_sequences(path, target="word")
    >>> table.sequences[0].tolist(), table.targets.tolist(), table.class_names, table.kind
    ([[0.25], [0.5]], [1, 0], ('no', 'yes'), 'classify_sequences')
    >>> print(table.inferred[0])
    Sequences: column 'id' (a usual name): 2 sequences of 1 to 2 steps.
    """
    if kind is not None and kind not in KINDS:
        raise DataError(f"read_sequences: kind is {kind!r}, wanted one of {', '.join(KINDS)}.")
    source = open_table(Path(path))
    roles = assign_roles(source, target=target, sequence=sequence, time=time, features=features)
    table = source.read(as_text=[roles.sequence] if roles.sequence else [])
    if table.num_rows == 0:
        raise DataError(f"{source.path}: there are no rows, only the names of the columns.")
    names, left_out = _choose_features(source, table, roles)
    groups = group(source, table, roles)
    matrix = _feature_matrix(source, table, names, groups)
    targets = read_targets(source, table, target, groups, kind)
    return SequenceTable(
        sequences=groups.split(matrix),
        targets=targets.values,
        kind=targets.kind,
        sequence_ids=groups.ids,
        feature_names=tuple(names),
        class_names=targets.class_names,
        target_name=target,
        sequence_name=roles.sequence,
        time_name=roles.time,
        inferred=(
            _tell_sequences(roles, groups),
            _tell_order(roles),
            _tell_features(roles, names, left_out),
            targets.sentence,
        ),
    )


def open_table(path: Path) -> Source:
    """Open a table file as its name's ending says."""
    endings = path.suffixes[-1:]
    if endings and endings[0].lower() == ".gz":
        endings = path.suffixes[-2:]
    ending = "".join(endings).lower()
    if not path.exists():
        raise DataError(f"{path}: there is no such file.")
    if not path.is_file():
        raise DataError(f"{path}: not a file.")
    if ending not in FORMATS:
        raise DataError(f"{path}: unknown ending {ending!r}, wanted one of {', '.join(FORMATS)}.")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty.")
        return FORMATS[ending](path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _choose_features(source: Source, table: Any, roles: Roles) -> tuple[list[str], list[str]]:
    """The features' names, and the columns that were left out with the reasons."""
    if roles.features is not None:
        return list(roles.features), []
    taken = {name for name in (roles.target, roles.sequence, roles.time) if name is not None}
    names, left_out = candidate_features(source, table, taken)
    if not names:
        raise no_features(source, left_out)
    return names, left_out


def _feature_matrix(
    source: Source, table: Any, names: Sequence[str], groups: Groups
) -> NDArray[np.float32]:
    """(row, feature), in the order of the sequences."""
    matrix = np.empty((table.num_rows, len(names)), dtype=np.float32)
    repair = "Correct it, or name the columns to use with features=."
    for index, name in enumerate(names):
        matrix[:, index] = as_floats(source, decoded(table[name]), name, repair)[groups.order]
    return matrix


def _tell_sequences(roles: Roles, groups: Groups) -> str:
    shortest, longest = int(groups.lengths.min()), int(groups.lengths.max())
    steps = f"{shortest} to " * (shortest < longest) + counted(longest, "step")
    if roles.sequence is None:
        return f"Sequences: no column tells them apart, so the file is one sequence of {steps}."
    how = _how(roles, roles.sequence)
    found = f"Sequences: column {roles.sequence!r} ({how}): {counted(len(groups.ids), 'sequence')}"
    doubt = ""
    if longest == 1 and roles.sequence in roles.guessed:
        doubt = " If it only numbers the rows, name the column of the sequences with sequence=."
    return f"{found} of {steps}.{doubt}"


def _tell_order(roles: Roles) -> str:
    if roles.time is None:
        return "Order: no time column, so the steps stay in the file's order."
    return f"Order: the steps are sorted by column {roles.time!r} ({_how(roles, roles.time)})."


def _tell_features(roles: Roles, names: Sequence[str], left_out: Sequence[str]) -> str:
    how = "all other columns of numbers" if roles.features is None else "as given"
    rest = f" Left out: {listed(left_out)}." if left_out else ""
    return f"Features: {listed(names)} ({how}).{rest}"


def _how(roles: Roles, name: str) -> str:
    return "a usual name" if name in roles.guessed else "as given"
