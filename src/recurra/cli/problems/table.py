"""A problem from a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recurra.cli.problems.problem import Part, Problem
from recurra.cli.problems.split import held_out_end, held_out_sequences, pieces
from recurra.data import Kind, SequenceTable, read_sequences
from recurra.data.words import counted
from recurra.errors import DataError

__all__ = ["from_table"]

PIECE = 128  # steps that training goes back over, where there is a target at every step


def from_table(
    path: Path,
    *,
    target: str,
    sequence: str | None,
    time: str | None,
    features: Sequence[str] | None,
    kind: Kind | None,
    seed: int,
) -> Problem:
    """Read a table and hold out a part of it.

    Args:
        path: the file.
        target: see `recurra.data.read_sequences`, as for those that follow.
        sequence: the column that tells sequences apart.
        time: the column that orders the steps.
        features: the columns to learn from.
        kind: what to learn.
        seed: what the held-out sequences are drawn from.

    Raises:
        DataError: the table cannot be used, or holds too little to hold a part out.
    """
    table = read_sequences(
        path, target=target, sequence=sequence, time=time, features=features, kind=kind
    )
    train, test, judged = _split(path, table, seed)
    sentences = [*table.inferred, f"Held out: {judged}."]
    if table.kind in ("tag_steps", "regress_steps"):
        cut = pieces(train, PIECE)
        if len(cut.sequences) > len(train.sequences):
            sentences.append(
                f"Training: on pieces of up to {PIECE} steps, each starting at the initial state."
            )
        train = cut
    _check_classes(path, table, train)
    columns = {"sequence": table.sequence_name, "time": table.time_name}
    return Problem(
        task=table.kind,
        train=train,
        test=test,
        sentences=tuple(sentences),
        features=table.feature_names,
        classes=table.class_names,
        target=table.target_name,
        judged=judged,
        columns={part: name for part, name in columns.items() if name is not None},
    )


def _split(path: Path, table: SequenceTable, seed: int) -> tuple[Part, Part, str]:
    """The two parts, and what the second one is."""
    count = len(table.sequences)
    if count > 1:
        by_class = table.kind == "classify_sequences"
        chosen = held_out_sequences(list(table.targets), classes=by_class, seed=seed)
        train, test = (
            Part([table.sequences[k] for k in rows], [table.targets[k] for k in rows])
            for rows in chosen
        )
        return train, test, f"{len(chosen[1])} of {counted(count, 'sequence')}"
    if table.kind not in ("tag_steps", "regress_steps"):
        raise DataError(
            f"{path}: one sequence with one target leaves nothing to hold out. Name the column "
            f"that tells the sequences apart with --sequence."
        )
    (x,), (y,) = table.sequences, table.targets
    if len(x) < 2:
        raise DataError(f"{path}: one step leaves nothing to hold out. Give more rows.")
    train, test = held_out_end(x, y)
    return train, test, f"the last {counted(len(x) - test.judged_from, 'step')} of {len(x)}"


def _check_classes(path: Path, table: SequenceTable, train: Part) -> None:
    if not table.class_names:
        return
    codes: list[Any] = np.unique(np.concatenate([np.atleast_1d(y) for y in train.targets])).tolist()
    if len(codes) < 2:
        raise DataError(
            f"{path}, column {table.target_name!r}: without the held-out part only the class "
            f"{table.class_names[codes[0]]!r} is left to learn from, wanted two or more. "
            f"Give more data."
        )
