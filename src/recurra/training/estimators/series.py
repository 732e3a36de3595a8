"""The series that a forecaster takes, and what it gives back in the same form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.errors import DataError, ShapeError
from recurra.training.estimators.checks import array_dims, as_numbers, check_sequences
from recurra.training.estimators.scaling import Pair

__all__ = ["Series", "check_series", "cut_by_time", "windows_of"]


class Series(NamedTuple):
    """Checked series, and in which form they came."""

    rows: list[NDArray[np.float32]]  # each (time, feature)
    single: bool  # one series, not a list of them
    flat: bool  # without a feature axis

    def like_input(self, found: Sequence[NDArray[np.float32]]) -> Any:
        """Arrays (..., feature), one a series, in the form in which the series came."""
        kept = [each[..., 0] if self.flat and each.shape[-1] == 1 else each for each in found]
        return kept[0] if self.single else kept


def check_series(who: str, X: Any, features: int | None = None, steps: int = 1) -> Series:
    """One series (time,) or (time, feature), or a list of such.

    Args:
        who: the estimator's name, for the messages.
        X: the series; an array of three axes is (series, time, feature).
        features: how many there must be.
        steps: how many there must be at least.

    Raises:
        ShapeError: something has another shape.
        DataError: a series is too short, or a value is not a finite number.

    >>> (
    ...     check_series("X", [1.0, 2.0]).rows[0].shape,
    ...     len(check_series("X", [[1.0], [2.0, 3.0]]).rows),
    ... )
    ((2, 1), 2)
    """
    if array_dims(X) is None:
        if not isinstance(X, Iterable) or isinstance(X, (str, bytes, dict)):
            raise ShapeError(
                f"{who}: X is a {type(X).__name__}, expected a series or a list of them."
            )
        X = list(X)
    single = _is_single(X)
    listed = [X] if single else list(X)
    dims = {np.ndim(x) for x in listed}
    flat = dims == {1}
    if flat:
        names = ["X"] if single else [f"X[{row}]" for row in range(len(listed))]
        listed = [as_numbers(who, *each)[:, None] for each in zip(names, listed, strict=True)]
    try:
        rows = check_sequences(who, listed, features)
    except (ShapeError, DataError) as error:
        raise type(error)(str(error).replace("X[0]", "X", 1) if single else str(error)) from error
    for row, x in enumerate(rows):
        if len(x) < steps:
            name = "X" if single else f"X[{row}]"
            raise DataError(
                f"{who}: {name} has {len(x)} step, expected {steps} at least: one to read and the "
                f"one that comes after it."
            )
    return Series(rows, single, flat)


def _is_single(X: Any) -> bool:
    dims = array_dims(X)
    if dims is not None:
        return dims < 3
    return len(X) > 0 and all(np.ndim(x) == 0 for x in X)


def cut_by_time(
    rows: list[NDArray[np.float32]], share: float
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """The beginning of each series, and the last part where both are long enough to learn from.

    >>> early, late = cut_by_time([np.zeros((10, 1)), np.zeros((3, 1))], 0.25)
    >>> [len(x) for x in early], [len(x) for x in late]
    ([8, 3], [2])
    """
    early, late = [], []
    for x in rows:
        cut = len(x) - round(share * len(x))
        whole = len(x) - cut < 2 or cut < 2
        early.append(x if whole else x[:cut])
        if not whole:
            late.append(x[cut:])
    return early, late


def windows_of(pairs: Sequence[Pair], window: int) -> list[Pair]:
    """Pairs (time, ...) cut into pieces of at most `window` steps, each half over the next.

    >>> series = np.arange(10.0)[:, None]
    >>> [x[:, 0].tolist() for x, _ in windows_of([(series, series)], 6)]
    [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]]
    """
    pieces: list[Pair] = []
    for x, y in pairs:
        spare = max(len(x) - window, 0)
        count = 1 + -(-spare // max(window // 2, 1))
        starts = np.linspace(0, spare, count).round().astype(int)
        pieces += [(x[start : start + window], y[start : start + window]) for start in starts]
    return pieces
