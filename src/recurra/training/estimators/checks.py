"""What comes into an estimator is looked at once, here, whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from recurra.data.precision import refuse_lost
from recurra.errors import DataError, ShapeError

__all__ = [
    "Labels",
    "array_dims",
    "as_numbers",
    "check_as_many",
    "check_labels",
    "check_sequences",
    "check_values",
]

_EXPECTED = "expected a list of (time, feature) arrays or one array (sequence, time, feature)"


class Labels(NamedTuple):
    """Class labels, coded."""

    classes: NDArray[Any]  # (class,)  sorted
    codes: NDArray[np.int64]  # (label,)  index into classes


def check_sequences(who: str, X: Any, features: int | None = None) -> list[NDArray[np.float32]]:
    """Sequences as float32 arrays (time, feature).

    Args:
        who: the estimator's name, for the messages.
        X: a list of arrays (time, feature), or one array (sequence, time, feature).
        features: how many there must be; None asks only that all sequences have as many.

    Raises:
        ShapeError: something has another shape.
        DataError: there are no sequences, one is empty, or a value is not a finite number. Where
            `features` is None also: a feature varies by less than float32 can hold.

    >>> [x.shape for x in check_sequences("X", [[[1], [2]], [[3]]])]
    [(2, 1), (1, 1)]
    """
    if not _is_list(X):
        came = f"has shape {np.shape(X)}" if hasattr(X, "shape") else f"is a {type(X).__name__}"
        raise ShapeError(f"{who}: X {came}, {_EXPECTED}.")
    given = list(X)
    sequences = [check_values(who, f"X[{row}]", x) for row, x in enumerate(given)]
    if not sequences:
        raise DataError(f"{who}: X holds no sequences. Give at least one.")
    wanted = sequences[0].shape[1] if features is None else features
    for row, x in enumerate(sequences):
        if x.shape[1] != wanted:
            source = "as X[0] has" if features is None else "as in fit"
            raise ShapeError(
                f"{who}: X[{row}] has {x.shape[1]} features, expected {wanted}, {source}."
            )
    if features is None:
        wide = np.concatenate([np.asarray(x, dtype=np.float64) for x in given])
        refuse_lost(wide, [f"{who}: feature {k} of X" for k in range(wanted)])
    return sequences


def array_dims(X: Any) -> int | None:
    """The axes of an array of numbers; None for a list, or an array that is used as one.

    >>> array_dims(np.zeros((5, 2))), array_dims([0, 1])
    (2, None)
    """
    if not hasattr(X, "ndim") or (isinstance(X, np.ndarray) and X.dtype.hasobject):
        return None
    return int(X.ndim)


def _is_list(X: Any) -> bool:
    if not isinstance(X, Iterable) or isinstance(X, (str, bytes, dict)):
        return False
    return array_dims(X) in (None, 3)


def check_values(who: str, name: str, x: Any) -> NDArray[np.float32]:
    """One sequence as float32 (time, feature)."""
    given = as_numbers(who, name, x)
    try:
        with np.errstate(over="ignore"):
            values = given.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{who}: {name} does not hold numbers only ({error}).") from error
    if values.ndim != 2:
        raise ShapeError(
            f"{who}: {name} has shape {values.shape}, expected (time, feature). "
            f"A single feature is an array (time, 1)."
        )
    if 0 in values.shape:
        what = "no steps" if len(values) == 0 else "no features"
        raise DataError(f"{who}: {name} has {what} (shape {values.shape}). Leave it out.")
    finite = np.isfinite(values)
    if not finite.all():
        time, feature = np.argwhere(~finite)[0].tolist()
        raise DataError(
            f"{who}: {name} holds {given[time, feature]} at time {time}, feature {feature}, "
            f"expected finite float32 numbers. Fill the gap or leave the sequence out."
        )
    return values


def as_numbers(who: str, name: str, x: Any) -> NDArray[Any]:
    """An array as it came, unless a cast to floats would quietly make something else of it.

    Raises:
        DataError: it is a table with named columns, has masked values, or holds text, dates or
            complex numbers.

    >>> as_numbers("X", "X[0]", np.array([1j]))
    Traceback (most recent call last):
    recurra.errors.DataError: X: X[0] does not hold numbers only (it is of type complex128).
    """
    if hasattr(x, "columns"):
        raise DataError(
            f"{who}: {name} is a {type(x).__name__}, whose columns could stand in another order "
            f"the next time. Give an array: {name}[names].to_numpy()."
        )
    if np.ma.is_masked(x):
        raise DataError(f"{who}: {name} has masked values. Fill them or leave the sequence out.")
    try:
        given = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DataError(f"{who}: {name} does not hold numbers only ({error}).") from error
    text = given.dtype.hasobject and any(isinstance(each, str | bytes) for each in given.flat)
    if text or given.dtype.kind not in "biufO":
        what = "holds text" if text else f"is of type {given.dtype}"
        raise DataError(f"{who}: {name} does not hold numbers only (it {what}).")
    return given


def check_labels(who: str, y: Any, count: int, name: str = "y") -> Labels:
    """Class labels, one a sequence or one a step.

    Raises:
        ShapeError: there are more or fewer of them than `count`.
        DataError: a label is missing, or all are the same.
        ValueError: the labels are continuous numbers.
    """
    if np.ma.is_masked(y):
        raise DataError(f"{who}: {name} has masked labels. Leave those out.")
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise ShapeError(f"{who}: {name} has shape {labels.shape}, expected one label each.")
    check_as_many(who, len(labels), count)
    missing = [row for row, label in enumerate(labels.tolist()) if _is_missing(label)]
    if missing:
        raise DataError(f"{who}: {name}[{missing[0]}] is {labels[missing[0]]}, expected a label.")
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"{who}: {name} holds one class only ({classes[0]!s}), expected two at least."
        )
    return Labels(classes, codes.astype(np.int64))


def _is_missing(label: object) -> bool:
    try:
        return label is None or bool(label != label)  # NaN differs from itself
    except TypeError:  # and pandas.NA does not even know that
        return True


def check_as_many(who: str, targets: int, sequences: int) -> None:
    """Refuse targets that are more or fewer than the sequences."""
    if targets != sequences:
        raise ShapeError(f"{who}: y has {targets} entries for {sequences} sequences in X.")
