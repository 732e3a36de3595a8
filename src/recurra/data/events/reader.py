"""An input of events, read in batches from its beginning or from where it was left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from recurra.data.events import arrow
from recurra.data.events.batch import Batch, Format, Parts, Position
from recurra.data.events.csv_rows import CsvRows
from recurra.data.events.feed import Feed
from recurra.data.events.identity import bookmark, end_of_line, other_input, position_in
from recurra.data.events.jsonl import JsonLines
from recurra.data.events.lines import Lines
from recurra.data.events.shape import Shape
from recurra.errors import DataError

__all__ = ["EventReader"]

ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
}


class EventReader:
    r"""Reads events in batches; what cannot be used is told beside them and stops nothing.

    JSON Lines: a line is a number, a list of numbers or an object. CSV: with names in the first
    line, or without if every cell of it is a number. Blank lines are passed over. Parquet files,
    Arrow files and Arrow streams: a row is an event.

    A batch is as large as ``max_batch`` and what comes within ``max_delay`` seconds of its first
    event allow: an event in a slow pipe is given out after that time, a file comes in full batches.

    Args:
        source: a path, "-" for standard input, or an open file of bytes that nothing was read of.
            Text is UTF-8.
        columns: the features in the model's order. If None, all columns but ``key``, in the order
            of the header or of the first object. Events without names must have as many values.
        key: the column that tells which stream an event belongs to.
        width: the features there must be where ``columns`` does not name them; if None, as many as
            the header or the first event has.
        format: if None: the path's ending, or else what the first bytes look like.
        max_batch: events, and lines, of a batch.
        max_delay: seconds.
        start: the `bookmark` of an earlier reading, to go on after it. A file is read from there;
            of a pipe, which must bring the same once more, so many lines or rows are passed over.
        idle: give out a batch without events when none came for so many seconds; None waits.
        wake: a descriptor that ends the input as soon as it can be read.

    Raises:
        DataError: there is no such file, or it is not the one that was read earlier; when read: no
            event is in it, or its header does not fit.

    >>> import io
    >>> file = io.BytesIO(b"user,x,y\nann,1,2\nbob,3,oh\nann,5,6\n")
    >>> with EventReader(file, key="user") as reader:
    ...     for batch in reader:
    ...         print(batch.keys, batch.values.tolist(), batch.lines.tolist())
    ...         print(batch.rejects[0].message("e.csv"))
    ['ann', 'ann'] [[1.0, 2.0], [5.0, 6.0]] [2, 4]
    e.csv, line 3, column 'y': 'oh' is not a number.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | IO[Any],
        *,
        columns: Sequence[str] | None = None,
        key: str | None = None,
        width: int | None = None,
        format: Format | None = None,
        max_batch: int = 4096,
        max_delay: float = 0.005,
        start: Mapping[str, Any] | None = None,
        idle: float | None = None,
        wake: int | None = None,
    ) -> None:
        self.feed = Feed(source, wake)
        self.name = self.feed.name
        try:
            self._shape = Shape(self.name, columns, key, width)
            self._start = None if start is None else position_in(self.feed, start)
        except DataError:
            self.feed.close()
            raise
        self._format = format or ENDINGS.get(Path(self.name).suffix.lower())
        if self._start is not None:
            self._shape.resume(self._start)
            self._format = self._start.format
        self._most = max_batch
        self._delay = max_delay
        self._idle = idle
        self._anything = start is not None

    def __enter__(self) -> EventReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.feed.close()

    @property
    def unit(self) -> str:
        """What a batch's lines are called: "line", or "row" where the format has none."""
        return "row" if self._format in ("parquet", "arrow") else "line"

    def bookmark(self, position: Position) -> dict[str, Any]:
        """A batch's position, and what the input is known by, as plain values."""
        return bookmark(self.feed, position)

    def __iter__(self) -> Iterator[Batch]:
        if self._format is None:
            self._format = _seen(self.feed.peek())
        batches = self._rows() if self.unit == "row" else self._lines()
        for batch in batches:
            self._anything = self._anything or len(batch) > 0 or len(batch.rejects) > 0
            yield batch
        if not self._anything and not self.feed.stopped:
            raise DataError(f"{self.name}: there are no events.")

    def _rows(self) -> Iterator[Batch]:
        at = 0 if self._start is None else self._start.at
        format = str(self._format)
        for found in arrow.record_batches(self.feed, format, at, self._most, self._idle):
            parts = Parts()
            if found is not None:
                arrow.rows(self._shape, found, at + 1, parts)
                at += found.num_rows
            yield self._batch(parts, Position(at, at))

    def _lines(self) -> Iterator[Batch]:
        lines = self._at_start()
        reads: JsonLines | CsvRows | None = None
        beyond = 0
        while not self.feed.stopped:
            lot = lines.lot(max(self._most, 2 * beyond), self._delay, self._idle, beyond=beyond)
            if not lot and lines.ended:
                break
            if reads is None:
                if not any(line.strip() for line in lot):
                    lines.take(len(lot))
                    continue
                reads = self._reads(next(line for line in lot if line.strip()))
            parts = Parts()
            used = reads.read(
                lot, lines.number + 1, parts, last=lines.ended and lines.left == len(lot)
            )
            beyond = len(lot) - used
            lines.take(used)
            place = Position(lines.at, lines.number, header=reads.header, checksum=lines.checksum)
            yield self._batch(parts, place)
        only_names = reads is not None and reads.header is not None
        if only_names and not self._anything and not self.feed.stopped:
            raise DataError(f"{self.name}: there are no events, only the names of the columns.")

    def _reads(self, first: bytes) -> JsonLines | CsvRows:
        """What reads the lines, of which this is the first that is not blank."""
        if self._format is None:
            objects = first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))
            self._format = "jsonl" if objects else "csv"
        if self._format == "jsonl":
            return JsonLines(self._shape)
        header = None if self._start is None else self._start.header
        return CsvRows(self._shape, header, begun=self._start is not None)

    def _at_start(self) -> Lines:
        """The lines from where the reading begins."""
        start = self._start
        if start is None:
            return Lines(self.feed, self.feed.origin)
        if self.feed.regular:
            at = start.at + end_of_line(self.feed, start)
            self.feed.seek(at)
            return Lines(self.feed, at, start.line)
        lines = Lines(self.feed)
        while lines.number < start.line and not lines.ended:
            lines.take(len(lines.lot(start.line - lines.number, 0.0)))
        if lines.checksum != start.checksum and not self.feed.stopped:
            raise DataError(other_input(self.name, f"its first {start.line} lines differ"))
        return lines

    def _batch(self, parts: Parts, place: Position) -> Batch:
        shape = self._shape
        columns = None if shape.columns is None else tuple(shape.columns)
        position = place._replace(format=self._format, columns=columns, width=shape.width)
        return parts.batch(position, keyed=shape.key is not None)


def _seen(beginning: bytes) -> Format | None:
    """The format of typed rows that an input is in, by its first bytes."""
    if beginning.startswith(b"PAR1"):
        return "parquet"
    return "arrow" if beginning.startswith((b"ARROW1", b"\xff\xff\xff\xff")) else None
