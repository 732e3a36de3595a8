"""Parquet files, Arrow files and Arrow streams: rows of typed columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import compress
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import decoded, is_number, is_text
from recurra.data.events.batch import BadEventError, Part, Parts, Reject
from recurra.data.events.feed import Feed
from recurra.data.events.shape import LARGEST, Shape
from recurra.data.extras import require
from recurra.data.words import same_letters
from recurra.errors import DataError

__all__ = ["record_batches", "rows"]


def record_batches(
    feed: Feed, format: str, start: int, most: int, idle: float | None
) -> Iterator[Any]:
    """Record batches of a file or a stream of them, each of ``most`` rows or fewer.

    Args:
        feed: where they come from.
        format: "parquet" or "arrow".
        start: the rows to pass over.
        most: rows.
        idle: None is given out when a pipe brings nothing for so many seconds.

    Raises:
        DataError: it is not a whole file or stream of that format.
    """
    pa = require("pyarrow", "cli")
    what = "Parquet" if format == "parquet" else "Arrow"
    try:
        for batch in _all_from(feed, format, start, most, idle):
            if batch is None:
                yield None
                continue
            for low in range(0, batch.num_rows, most):
                yield batch.slice(low, most)
    except _StoppedError:
        return
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{feed.name}: not whole {what} ({reason}).") from error


def _all_from(feed: Feed, format: str, start: int, most: int, idle: float | None) -> Iterator[Any]:
    if format == "parquet":
        start, batches = _parquet(feed, start, most)
    elif feed.regular and feed.read_at(0, 6) == b"ARROW1":
        batches = _file(feed)
    else:
        batches = _stream(_Reads(feed), idle)
    for batch in batches:
        if batch is None:
            yield None
            continue
        skipped = min(start, batch.num_rows)
        start -= skipped
        if skipped < batch.num_rows:
            yield batch.slice(skipped)


def _parquet(feed: Feed, start: int, most: int) -> tuple[int, Iterator[Any]]:
    """The batches of the row groups from the one that holds a row on, and its place in them."""
    if not feed.regular:
        raise DataError(f"{feed.name}: Parquet cannot be read from a pipe. Give the file's path.")
    parquet = require("pyarrow.parquet", "cli")
    file = parquet.ParquetFile(_file_of(feed))
    groups = list(range(file.num_row_groups))
    while groups and start >= file.metadata.row_group(groups[0]).num_rows:
        start -= file.metadata.row_group(groups.pop(0)).num_rows
    return start, file.iter_batches(most, row_groups=groups)


def _file(feed: Feed) -> Iterator[Any]:
    with require("pyarrow.ipc", "cli").open_file(_file_of(feed)) as reader:
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _stream(reads: _Reads, idle: float | None) -> Iterator[Any]:
    batches = iter(require("pyarrow.ipc", "cli").open_stream(reads))
    while True:
        while not reads.wait(idle):
            yield None
        try:
            batch = next(batches)
        except StopIteration:
            return
        yield batch


def _file_of(feed: Feed) -> IO[bytes]:
    feed.seek(0)
    return feed.file


class _StoppedError(Exception):
    """Waiting for input was ended from outside."""


class _Reads:
    """A feed as the file that pyarrow reads streams from."""

    closed = False

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rest = b""
        self._ended = False

    def wait(self, timeout: float | None) -> bool:
        """Whether there is something to read, or nothing more will come."""
        return bool(self._rest) or self._ended or self._more(timeout)

    def _more(self, timeout: float | None) -> bool:
        chunk = self._feed.read(timeout)
        if self._feed.stopped:
            raise _StoppedError
        self._ended = chunk == b""
        self._rest += chunk or b""
        return chunk is not None

    def read(self, count: int) -> bytes:
        while len(self._rest) < count and not self._ended:
            self._more(None)
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def rows(shape: Shape, batch: Any, first: int, parts: Parts) -> None:
    """Convert a record batch whose first row has the number ``first``.

    Raises:
        DataError: a column is missing or holds no numbers.
    """
    names = [same_letters(name) for name in batch.schema.names]
    try:
        shape.check_names(names, "the columns are")
    except BadEventError as error:
        raise DataError(f"{shape.name}: {error}") from error
    if shape.columns is None:
        shape.columns = [name for name in names if name != shape.key]
    shape.width = len(shape.columns)
    values = np.empty((batch.num_rows, shape.width))
    for place, name in enumerate(shape.columns):
        values[:, place] = _floats(shape, batch.column(names.index(name)), name)
    keys = [] if shape.key is None else _keys(shape, batch.column(names.index(shape.key)))
    good: NDArray[np.bool_] = np.all(np.abs(values) <= LARGEST, axis=1)
    if keys:
        good &= np.fromiter(map(bool, keys), np.bool_, len(keys))
    for row in np.flatnonzero(~good).tolist():
        fields = _fields(names, batch, row)
        parts.rejects.append(Reject(first + row, _reason(shape, fields), _as_json(fields)))
    lines = np.arange(first, first + batch.num_rows)
    if not good.all():
        lines, values = lines[good], values[good]
        keys = list(compress(keys, good))
    parts.parts.append(Part(lines, values, keys))
    parts.text = lambda row: _as_json(_fields(names, batch, row - first))


def _floats(shape: Shape, column: Any, name: str) -> NDArray[np.float64]:
    pa = require("pyarrow", "cli")
    column = decoded(pa.chunked_array([column]))
    if not (is_number(column.type) or pa.types.is_null(column.type)):
        raise DataError(f"{shape.name}, column {name!r}: is {column.type}, not numbers.")
    found: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return found


def _keys(shape: Shape, column: Any) -> list[str]:
    """Keys as text; an empty one where it is missing."""
    pa = require("pyarrow", "cli")
    column = decoded(pa.chunked_array([column]))
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    if not is_text(column.type) and not pa.types.is_null(column.type):
        raise DataError(
            f"{shape.name}, column {shape.key!r}: is {column.type}. "
            f"A key is text or a whole number."
        )
    return [key or "" for key in column.to_pylist()]


def _fields(names: list[str], batch: Any, row: int) -> dict[str, Any]:
    (cells,) = batch.slice(row, 1).to_pylist()
    return dict(zip(names, cells.values(), strict=True))


def _as_json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, default=str, ensure_ascii=False)


def _reason(shape: Shape, fields: dict[str, Any]) -> str:
    try:
        shape.named(fields)
    except BadEventError as error:
        return str(error)
    return "cannot be used."
