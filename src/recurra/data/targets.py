"""What is to be learned: a class or a number, for each sequence or for each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import (
    FRACTION,
    as_floats,
    decoded,
    is_number,
    is_text,
    mostly_numbers,
    refuse_nulls,
)
from recurra.data.extras import require
from recurra.data.grouping import Groups
from recurra.data.precision import refuse_lost
from recurra.data.source import Source
from recurra.data.words import counted, listed
from recurra.errors import DataError

Kind = Literal["classify_sequences", "tag_steps", "regress_sequences", "regress_steps"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CLASSES: tuple[Kind, Kind] = ("classify_sequences", "tag_steps")
NUMBERS: tuple[Kind, Kind] = ("regress_sequences", "regress_steps")

MOST_INTEGER_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets in `SequenceTable`'s form, and the sentence that tells what they were taken for."""

    kind: Kind
    values: NDArray[Any] | list[NDArray[Any]]
    class_names: tuple[str, ...]
    sentence: str


def read_targets(
    source: Source, table: Any, name: str, groups: Groups, kind: Kind | None
) -> Targets:
    """Read the target column, as ``kind`` or as what it looks like."""
    column = decoded(table[name])
    refuse_nulls(source, column, name)
    as_class, reason = _is_class(source, column, name, groups, kind)
    class_names: tuple[str, ...] = ()
    values: NDArray[Any]
    if as_class:
        values, class_names = _classes(source, column, name)
    else:
        repair = "If the target is a class, say so with kind=."
        values = as_floats(source, column, name, repair)
        refuse_lost(values[:, None], [f"{source.path}, column {name!r}:"])
    values = values[groups.order]
    changes = np.flatnonzero((values[1:] != values[:-1]) & ~groups.begins()[1:]) + 1
    per_step = len(changes) > 0 if kind is None else kind in ("tag_steps", "regress_steps")
    if len(changes) and not per_step:
        raise _varies(source, name, groups, int(changes[0]))

    classes = f"{counted(len(class_names), 'class')} ({listed(class_names)}), " if as_class else ""
    often = "one for every step" if per_step else "one for each sequence"
    if not as_class:
        values = values.astype(np.float32)
    return Targets(
        kind=(CLASSES if as_class else NUMBERS)[per_step],
        values=groups.split(values) if per_step else values[groups.starts],
        class_names=class_names,
        sentence=f"Target: column {name!r} {reason}: {classes}{often}.",
    )


def _is_class(
    source: Source, column: Any, name: str, groups: Groups, kind: Kind | None
) -> tuple[bool, str]:
    """Is the target a class? And the reason, for a sentence."""
    types = require("pyarrow", "cli").types
    if kind is not None:
        return kind in CLASSES, f"is read for {kind}, as given"
    if is_text(column.type):
        if mostly_numbers(source, column, FRACTION):
            return False, "holds numbers"
        return True, "holds text"
    if types.is_boolean(column.type):
        return True, "holds true and false"
    if types.is_integer(column.type) and _few(column, groups):
        return True, "holds a few whole numbers"
    if is_number(column.type):
        return False, "holds numbers"
    raise source.error(0, name, f"is a {column.type}, not text, true or false or a number")


def _few(column: Any, groups: Groups) -> bool:
    """Few different integers, each coming twice or more on average: names, not amounts."""
    values = column.to_numpy(zero_copy_only=False)[groups.order]
    inside = ~groups.begins()[1:]
    constant = bool((values[1:] == values[:-1])[inside].all())
    labels = len(groups.ids) if constant else len(values)
    different = len(np.unique(values))
    return different <= MOST_INTEGER_CLASSES and 2 * different <= labels


def _classes(source: Source, column: Any, name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Codes and names of the classes, sorted: numbers by size, text by letter."""
    pa = require("pyarrow", "cli")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.string())
    elif not is_text(column.type):
        as_floats(source, column, name, "")  # refuses NaN and what has no order
    encoded = column.dictionary_encode()
    classes = encoded.dictionary.to_pylist()
    order = sorted(range(len(classes)), key=classes.__getitem__)
    if len(order) < 2:
        raise DataError(
            f"{source.path}, column {name!r}: every row has the class {str(classes[0])!r}, "
            "wanted two classes or more."
        )
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return rank[codes], tuple(str(classes[index]) for index in order)


def _varies(source: Source, name: str, groups: Groups, position: int) -> DataError:
    row, previous = int(groups.order[position]), int(groups.order[position - 1])
    place, text = source.cell(row, name)
    before, earlier = source.cell(previous, name)
    return DataError(
        f"{source.path}, {place}, column {name!r}: the target changes from {earlier!r} ({before}) "
        f"to {text!r} inside a sequence. For a target at every step choose another kind=."
    )
