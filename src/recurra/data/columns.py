"""Columns of a table as numpy arrays, or the place of the first value that cannot be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.extras import require
from recurra.data.source import Source
from recurra.errors import DataError

NUMBER = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"
FRACTION = r"^\s*[-+]?[0-9]*\.[0-9]*([eE][-+]?[0-9]+)?\s*$"
LARGEST = float(np.finfo(np.float32).max)


def decoded(column: Any) -> Any:
    """The column in one chunk, a dictionary (pandas' category) as its values."""
    pa = require("pyarrow", "cli")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if str(column.type) == "string_view":
        column = column.cast(pa.string())
    chunk = column.combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):  # newer pyarrow keeps a chunked column chunked
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], chunk.type)
    return chunk


def is_text(type_: Any) -> bool:
    """Is it one of Arrow's types for text?"""
    types = require("pyarrow", "cli").types
    return bool(types.is_string(type_) or types.is_large_string(type_))


def is_number(type_: Any) -> bool:
    """Is it a type of numbers? True and false are none."""
    types = require("pyarrow", "cli").types
    return bool(types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_))


def matching(texts: Any, pattern: str) -> NDArray[np.bool_]:
    """Which of the texts fit a regular expression; a missing one does not."""
    compute = require("pyarrow.compute", "cli")
    hits = compute.match_substring_regex(texts, pattern).fill_null(False)
    result: NDArray[np.bool_] = hits.to_numpy(zero_copy_only=False)
    return result


def mostly_numbers(source: Source, texts: Any, pattern: str = NUMBER) -> bool:
    """Does a column that a text file left as text hold numbers, but for a few slips of the pen?"""
    return not source.typed and 2 * int(matching(texts, pattern).sum()) >= len(texts)


def refuse_nulls(source: Source, column: Any, name: str) -> None:
    """Raise at the first value that is missing or an empty text."""
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if is_text(column.type):
        missing |= matching(column, r"^\s*$")
    if missing.any():
        raise source.error(int(missing.argmax()), name, "is missing")


def as_floats(source: Source, column: Any, name: str, repair: str) -> NDArray[np.float64]:
    """Finite numbers that fit 32 bits; the first value that is none raises a `DataError`."""
    pa, compute = require("pyarrow", "cli"), require("pyarrow.compute", "cli")
    if is_text(column.type):
        if source.typed:
            raise source.error(_first_value(column), name, "is text, not a number", repair)
        good = matching(column, NUMBER)
        if not good.all():
            raise source.error(int(good.argmin()), name, "is not a number", repair)
        column = compute.utf8_ltrim(compute.utf8_trim_whitespace(column), "+")
    elif not (is_number(column.type) or pa.types.is_null(column.type)):
        raise source.error(_first_value(column), name, "is not a number", repair)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    finite = np.isfinite(values)
    if not finite.all():
        raise source.error(int(finite.argmin()), name, "is not a finite number", repair)
    fits = np.abs(values) <= LARGEST
    if not fits.all():
        raise source.error(int(fits.argmin()), name, "does not fit a 32-bit float", repair)
    return values


def _first_value(column: Any) -> int:
    """The first row that is not missing."""
    return int(column.is_null().to_numpy(zero_copy_only=False).argmin())


def as_times(source: Source, column: Any, name: str) -> NDArray[Any]:
    """Values that sort as the instants do: numbers, or ticks of a date or a clock."""
    pa = require("pyarrow", "cli")
    refuse_nulls(source, column, name)
    kind = column.type
    if is_text(kind):
        if mostly_numbers(source, column):
            return as_floats(source, column, name, "")
        column = _dates(source, column, name)
    elif pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        column = column.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not is_number(kind):
        raise source.error(0, name, "is neither a number nor a date")
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.isfinite(values).argmin())
        raise source.error(row, name, "is neither a finite number nor a date")
    return values


def _dates(source: Source, texts: Any, name: str) -> Any:
    """ISO 8601 dates, either all with a zone or all without, as ticks."""
    pa = require("pyarrow", "cli")
    zoned = pa.timestamp("ns", "UTC")
    plain = pa.timestamp("ns")

    def parse(part: Any) -> Any:
        try:
            return part.cast(plain)
        except pa.ArrowInvalid:
            return part.cast(zoned)

    try:
        return parse(texts).view(pa.int64())
    except pa.ArrowInvalid:
        row = first_failure(texts, parse, pa.ArrowInvalid)
    raise source.error(
        row,
        name,
        "is neither a number nor a date",
        "Dates are like 2024-05-01T12:30:00, all with a zone or all without.",
    )


def first_failure(values: Any, convert: Callable[[Any], Any], failure: type[Exception]) -> int:
    """The first row that ``convert`` fails at, found by halving; the whole must fail.

    A prefix is tried each time, so a value that only disagrees with those before it is found too.
    """
    good, bad = 0, len(values)  # the prefix of length `good` converts, that of length `bad` fails
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            convert(values.slice(0, middle))
        except failure:
            bad = middle
        else:
            good = middle
    return bad - 1


def candidate_features(source: Source, table: Any, taken: set[str]) -> tuple[list[str], list[str]]:
    """The columns of numbers among those not ``taken``, and why each other one is left out.

    A column of a text file that is mostly numbers counts as one, so that a slip of the pen in it is
    an error and not a column that quietly disappears.
    """
    features, left_out = [], []
    for index, name in enumerate(source.names):
        if name in taken:
            continue
        column = decoded(table.column(index))
        why = _why_not_a_feature(source, name, column)
        if why is None:
            features.append(name)
        else:
            left_out.append(f"{name or f'column {index + 1}'} ({why})")
    return features, left_out


def _why_not_a_feature(source: Source, name: str, column: Any) -> str | None:
    if not name:
        return "no name"
    if name.startswith("__index_level_"):
        return "pandas' row index"
    if is_number(column.type):
        return None
    if column.null_count == len(column):
        return "empty"
    if is_text(column.type):
        return None if mostly_numbers(source, column) else "text"
    return "true or false" if str(column.type) == "bool" else str(column.type)


def no_features(source: Source, left_out: list[str]) -> DataError:
    """That no column is left to learn from."""
    others = f" Left out: {', '.join(left_out)}." if left_out else ""
    return DataError(f"{source.path}: no column of numbers is left for the features.{others}")
