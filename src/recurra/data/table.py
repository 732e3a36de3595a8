"""Long tables, one row a step, read as sequences and targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import as_floats, candidate_features, decoded, no_features
from recurra.data.formats import open_table
from recurra.data.grouping import Groups, group
from recurra.data.precision import refuse_lost
from recurra.data.roles import Roles, assign_roles
from recurra.data.source import Source
from recurra.data.targets import KINDS, Kind, read_targets
from recurra.data.words import counted, listed
from recurra.errors import DataError


@dataclass(frozen=True, eq=False, kw_only=True)
class InputTable:
    """Sequences of unequal length, and the columns they come from."""

    sequences: list[NDArray[np.float32]]  # each (time, feature)
    sequence_ids: tuple[str, ...]  # ("",) when no column tells the sequences apart
    feature_names: tuple[str, ...]
    sequence_name: str | None
    time_name: str | None
    inferred: tuple[str, ...]  # what was taken for what, in sentences to show


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceTable(InputTable):
    """Sequences of unequal length and what is to be learned of them.

    ``targets`` is one array (sequence,) when ``kind`` is "classify_sequences" or
    "regress_sequences", and a list of one array (time,) a sequence when it is "tag_steps" or
    "regress_steps". Classes are int64 indices into ``class_names``; numbers are float32.
    """

    targets: NDArray[Any] | list[NDArray[Any]]
    kind: Kind
    class_names: tuple[str, ...]  # () when the target is a number
    target_name: str


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
        DataError: the file or a value in it cannot be used, or a column of numbers varies by less
            than 32-bit floats can hold; names the file, line and column.
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
    table, groups, inputs = _read(source, roles)
    targets = read_targets(source, table, roles.target or target, groups, kind)
    return SequenceTable(
        **{**vars(inputs), "inferred": (*inputs.inferred, targets.sentence)},
        targets=targets.values,
        kind=targets.kind,
        class_names=targets.class_names,
        target_name=roles.target or target,
    )


def read_inputs(
    path: str | os.PathLike[str],
    *,
    features: Sequence[str] | None = None,
    sequence: str | None = None,
    time: str | None = None,
) -> InputTable:
    r"""Read a long table without a target: what a trained model is given.

    The formats, what is inferred and the errors are those of `read_sequences`.

    Args:
        path: the file.
        features: the columns that are given to the model, in its order; if None, all other columns
            of numbers.
        sequence: the column that tells the sequences apart; if None, one with a usual name.
        time: the column to sort each sequence by; if None, one with a usual name.

    Raises:
        DataError: the file or a value in it cannot be used; names the file, line and column.
        MissingExtraError: pyarrow is not installed.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "new.csv")
    ...     _ = path.write_text("id,time,x,y\na,1,0.5,7\na,0,0.25,8\nb,0,2,9\n")
    ...     table = read_inputs(path, features=["y", "x"])
    >>> table.sequence_ids, [x.tolist() for x in table.sequences]
    (('a', 'b'), [[[8.0, 0.25], [7.0, 0.5]], [[9.0, 2.0]]])
    """
    source = open_table(Path(path))
    roles = assign_roles(source, target=None, sequence=sequence, time=time, features=features)
    return _read(source, roles)[2]


def column_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    r"""The names of a table's columns, in the file's order.

    Raises:
        DataError: the file cannot be used.
        MissingExtraError: pyarrow is not installed.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "new.csv")
    ...     _ = path.write_text("id,x\na,0.5\n")
    ...     column_names(path)
    ('id', 'x')
    """
    return tuple(open_table(Path(path)).names)


def _read(source: Source, roles: Roles) -> tuple[Any, Groups, InputTable]:
    """The pyarrow table, its rows by sequence, and what the model is given of it."""
    table = source.read(as_text=[roles.sequence] if roles.sequence else [])
    if table.num_rows == 0:
        raise DataError(f"{source.path}: there are no rows, only the names of the columns.")
    names, left_out = _choose_features(source, table, roles)
    groups = group(source, table, roles)
    matrix = _feature_matrix(source, table, names, groups, to_learn=roles.target is not None)
    inputs = InputTable(
        sequences=groups.split(matrix),
        sequence_ids=groups.ids,
        feature_names=tuple(names),
        sequence_name=roles.sequence,
        time_name=roles.time,
        inferred=(
            _tell_sequences(roles, groups),
            _tell_order(roles),
            _tell_features(roles, names, left_out),
        ),
    )
    return table, groups, inputs


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
    source: Source, table: Any, names: Sequence[str], groups: Groups, *, to_learn: bool
) -> NDArray[np.float32]:
    """(row, feature), in the order of the sequences."""
    matrix = np.empty((table.num_rows, len(names)), dtype=np.float32)
    repair = "Correct it, or name the columns to use with features=."
    for index, name in enumerate(names):
        values = as_floats(source, decoded(table[name]), name, repair)
        if to_learn:
            refuse_lost(values[:, None], [f"{source.path}, column {name!r}:"])
        matrix[:, index] = values[groups.order]
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
