"""Many events at once as arrays, as long as each is as plain as events mostly are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recurra.data.events.batch import Part
from recurra.data.events.shape import LARGEST, Shape

__all__ = ["UnusualError", "by_halves", "columns_of", "rows_of", "text_columns"]

T = TypeVar("T")

FEW = 4  # items are looked at one by one
NUMBERS = ({float}, {int}, {float, int})
KEYS = ({str}, {int}, {str, int})


class UnusualError(Exception):
    """Something among these events needs a closer look."""


def by_halves(
    items: Sequence[T],
    at_once: Callable[[Sequence[T]], None],
    one_by_one: Callable[[Sequence[T]], None],
) -> None:
    """Convert all at once; where something is unusual, the halves, down to a few by themselves.

    The order is that of the items, and one item in thousands costs the others next to nothing.
    """
    try:
        if items:
            at_once(items)
    except UnusualError:
        if len(items) <= FEW:
            one_by_one(items)
            return
        middle = len(items) // 2
        by_halves(items[:middle], at_once, one_by_one)
        by_halves(items[middle:], at_once, one_by_one)


def columns_of(shape: Shape, objects: Sequence[dict[str, Any]]) -> Part:
    """Objects of JSON, without their lines."""
    if shape.columns is None:
        raise UnusualError
    try:
        columns = [list(map(itemgetter(name), objects)) for name in shape.columns]
        keys = [] if shape.key is None else list(map(itemgetter(shape.key), objects))
    except KeyError:
        raise UnusualError from None
    if keys:
        kinds = set(map(type, keys))
        if kinds not in KEYS or (str in kinds and "" in keys):
            raise UnusualError
        if int in kinds:
            keys = list(map(str, keys))
    return Part(None, _matrix(columns, len(objects)), keys)


def rows_of(shape: Shape, lists: Sequence[list[Any]]) -> Part:
    """Lists of JSON, without their lines."""
    if shape.key is not None or set(map(len, lists)) != {shape.width}:
        raise UnusualError
    return Part(None, _rows(lists, shape.width or 0), [])


def text_columns(shape: Shape, rows: Sequence[list[str]], header: Sequence[str] | None) -> Part:
    """Rows of CSV, without their lines."""
    names = header or range(shape.width or 0)
    if (shape.key is not None and header is None) or set(map(len, rows)) != {len(names)}:
        raise UnusualError
    if header is None:
        places = list(range(len(names)))
    elif shape.columns is None:
        raise UnusualError
    else:
        places = [header.index(name) for name in shape.columns]
    values = np.empty((len(rows), len(places)))
    for at, place in enumerate(places):
        values[:, at] = _floats(map(itemgetter(place), rows))
    keys: list[str] = []
    if shape.key is not None and header is not None:
        keys = list(map(itemgetter(header.index(shape.key)), rows))
        if "" in keys:
            raise UnusualError
    return Part(None, _checked(values), keys)


def _matrix(columns: Sequence[list[Any]], count: int) -> NDArray[np.float64]:
    """Columns of numbers as (event, feature)."""
    values = np.empty((count, len(columns)))
    for place, column in enumerate(columns):
        values[:, place] = _numbers(column)
    return _checked(values)


def _rows(rows: Sequence[list[Any]], width: int) -> NDArray[np.float64]:
    return _checked(_numbers(list(chain.from_iterable(rows))).reshape(len(rows), width))


def _numbers(values: list[Any]) -> NDArray[np.float64]:
    if values and set(map(type, values)) not in NUMBERS:
        raise UnusualError
    try:
        return np.array(values, np.float64)
    except OverflowError:
        raise UnusualError from None


def _floats(cells: Iterable[str]) -> list[float]:
    cells = list(cells)
    try:
        values = list(map(float, cells))
    except ValueError:
        raise UnusualError from None
    if "_" in "".join(cells):  # Python's 1_000
        raise UnusualError
    return values


def _checked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # NaN compares false too.
    if not (np.abs(values) <= LARGEST).all():
        raise UnusualError
    return values
