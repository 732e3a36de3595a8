"""Whether 32-bit floats can hold what varies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recurra.errors import DataError

__all__ = ["refuse_lost"]

_STEPS = 8  # of float32 at the mean; what varies by less is mostly rounding after the cast
_NOISE = 64 * np.finfo(np.float64).eps  # what varies by less, of the mean, is a constant already


def refuse_lost(values: NDArray[np.float64], names: Sequence[str]) -> None:
    """Raise where a column lies so far from zero that float32 rounds away what varies in it.

    Args:
        values: (row, column), finite.
        names: of the columns, for the message.

    Raises:
        DataError: names the column, its standard deviation and its mean.

    >>> refuse_lost(np.array([[1.0], [-1.0]]) + 1.7e9, ["x"])
    Traceback (most recent call last):
    recurra.errors.DataError: x varies by 1 around 1.7e+09, which 32-bit floats cannot hold.
    Subtract 1.7e+09 first.
    """
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    size = np.abs(mean)
    lost = (deviation > _NOISE * size) & (deviation < _STEPS * np.finfo(np.float32).eps * size)
    for column in np.flatnonzero(lost).tolist():
        each = values[:, column]
        if (each.astype(np.float32) != each).any():
            middle = f"{mean[column]:.6g}"
            raise DataError(
                f"{names[column]} varies by {deviation[column]:.3g} around {middle}, which 32-bit "
                f"floats cannot hold. Subtract {middle} first."
            )
