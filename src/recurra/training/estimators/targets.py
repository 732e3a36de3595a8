"""Numbers to learn, for each sequence or for each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.errors import DataError, ShapeError
from recurra.training.estimators.checks import as_numbers, check_as_many

__all__ = ["Targets", "check_step_targets", "check_targets"]

Numbers = NDArray[np.float64]


class Targets(NamedTuple):
    """Checked targets."""

    rows: list[Numbers]  # one a sequence: (output,), or (time, output)
    per_step: bool
    shape: tuple[int, ...]  # of one target as it came: () or (output,)


def check_targets(who: str, y: Any, steps: Sequence[int], per_step: bool | None = None) -> Targets:
    """Numbers to learn, and whether there is one for every step.

    Args:
        who: the estimator's name, for the messages.
        y: one number or (output,) a sequence, or (time,) or (time, output) a sequence.
        steps: of each sequence.
        per_step: which of the two it is; None tells by the form: an entry with two axes, or with
            one as long as its sequence wherever all entries are so, has a target for every step.

    Raises:
        ShapeError: entries and sequences differ in number, or a target has another shape.
        DataError: one is not a finite number.

    >>> check_targets("y", [1, 2], steps=[3, 4]).rows
    [array([1.]), array([2.])]
    >>> check_targets("y", [[1, 2, 3], [4, 5]], steps=[3, 2]).per_step
    True
    """
    rows = _rows(who, y)
    check_as_many(who, len(rows), len(steps))
    if per_step is None:
        per_step = _is_per_step(rows, steps)
    return _of_steps(who, rows, steps) if per_step else _of_sequences(who, rows)


def check_step_targets(
    who: str, y: Any, steps: Sequence[int], shape: tuple[int, ...]
) -> list[Numbers]:
    """Targets of every step, of the shape that those in fit had.

    >>> check_step_targets("y", [[1, 2]], steps=[2], shape=())[0].tolist()
    [[1.0], [2.0]]
    """
    targets = check_targets(who, y, steps, per_step=True)
    if targets.shape != shape:
        raise ShapeError(
            f"{who}: y has targets of shape {targets.shape} at each step, expected {shape}, as in "
            f"fit."
        )
    return targets.rows


def _rows(who: str, y: Any) -> list[Numbers]:
    """One array a sequence, of any shape."""
    if np.ma.is_masked(y):
        raise DataError(f"{who}: y has masked values. Leave those sequences out.")
    whole = np.asarray(y) if hasattr(y, "__array__") else y
    if not isinstance(whole, (Sequence, np.ndarray)) or getattr(whole, "ndim", 1) == 0:
        raise ShapeError(
            f"{who}: y is {y!r:.40}, expected an entry a sequence: a number, (output,), (time,) or "
            f"(time, output)."
        )
    return [_numbers(who, row, each) for row, each in enumerate(whole)]


def _numbers(who: str, row: int, entry: Any) -> Numbers:
    try:
        return np.asarray(as_numbers(who, f"y[{row}]", entry), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{who}: y[{row}] does not hold numbers only ({error}).") from error


def _is_per_step(rows: list[Numbers], steps: Sequence[int]) -> bool:
    if all(each.ndim == 0 for each in rows):
        return False
    if any(each.ndim != 1 for each in rows):
        return True
    lengths = [len(each) for each in rows]
    return lengths == [*steps] or len({*lengths}) > 1


def _of_sequences(who: str, rows: list[Numbers]) -> Targets:
    shape = rows[0].shape
    if len(shape) > 1 or 0 in shape:
        raise ShapeError(
            f"{who}: y[0] has shape {shape}, expected () or (output,), numbers for the sequence. "
            f"For a target at every step set per_step=True."
        )
    for row, each in enumerate(rows):
        if each.shape != shape:
            raise ShapeError(
                f"{who}: y[{row}] has shape {each.shape}, expected {shape}, as y[0] has."
            )
        if not np.isfinite(each).all():
            bad = each[~np.isfinite(each)][0]
            raise DataError(
                f"{who}: y[{row}] is {bad}, expected finite numbers. Leave that sequence out."
            )
    return Targets([each.reshape(-1) for each in rows], per_step=False, shape=shape)


def _of_steps(who: str, rows: list[Numbers], steps: Sequence[int]) -> Targets:
    shape = rows[0].shape[1:]
    outputs = f", {shape[0]}" if len(shape) == 1 else ","
    for row, (each, length) in enumerate(zip(rows, steps, strict=True)):
        if len(shape) > 1 or 0 in shape or each.shape != (length, *shape):
            raise ShapeError(
                f"{who}: y[{row}] has shape {each.shape}, expected ({length}{outputs}), a target "
                f"for every step of X[{row}]."
            )
        bad = np.argwhere(~np.isfinite(each))
        if len(bad):
            raise DataError(
                f"{who}: y[{row}] holds {each[tuple(bad[0])]} at time {bad[0, 0]}, expected finite "
                f"numbers. Fill the gap or leave the sequence out."
            )
    return Targets([each.reshape(len(each), -1) for each in rows], per_step=True, shape=shape)
