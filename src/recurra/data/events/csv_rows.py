"""CSV: names in the first line, or numbers only."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from recurra.data.events.batch import BadEventError, Part, Parts, Reject
from recurra.data.events.converting import by_halves, text_columns
from recurra.data.events.jsonl import as_text, shown
from recurra.data.events.lines import LONGEST
from recurra.data.events.shape import Shape
from recurra.errors import DataError

__all__ = ["CsvRows"]


class Rows(NamedTuple):
    """Some rows, and the lines of a lot that each of them takes."""

    places: Sequence[int]
    lines: Sequence[int]
    cells: Sequence[list[str]]


class CsvRows:
    """Reads rows, which may go over several lines, under the names of the first.

    Args:
        shape: what an event must be.
        header: the names, where an earlier reading found them.
        begun: whether the first row has been read.
    """

    def __init__(self, shape: Shape, header: tuple[str, ...] | None, *, begun: bool) -> None:
        self._shape = shape
        self._begun = begun
        self.header = header

    def read(self, lines: Sequence[bytes], first: int, parts: Parts, *, last: bool) -> int:
        """Convert lines, of which one has the number ``first``; the lines used up.

        The lines of a row whose end has not come are left, unless these lines are the last.

        Raises:
            DataError: the first row is neither an event nor a header that fits.
        """
        rows, used = _plain_rows(lines, first), len(lines)
        if rows is None:
            rows, used = self._rows(lines, first, parts, last=last)
        start = 0 if self._begun else self._begin(rows, first)

        def at_once(some: Sequence[int]) -> None:
            low, high = some[0], some[-1] + 1
            part = text_columns(self._shape, rows.cells[low:high], self.header)
            parts.parts.append(part._replace(lines=[first + p for p in rows.places[low:high]]))

        def one_by_one(some: Sequence[int]) -> None:
            for each in some:
                self._closely(rows, each, lines, first, parts)

        parts.text = lambda line: _text(lines, rows, line - first)
        by_halves(range(start, len(rows.cells)), at_once, one_by_one)
        parts.rejects.sort()
        return used

    def _rows(
        self, lines: Sequence[bytes], first: int, parts: Parts, *, last: bool
    ) -> tuple[Rows, int]:
        """The rows of any lines, and the lines they take."""
        good = []
        for place, count, found in _each_row(lines, first, last=last):
            if isinstance(found, list):
                good.append((place, count, found))
            elif found is None:
                return _unzipped(good), place
            elif self._begun or any(not _blank(cells) for _, _, cells in good):
                parts.rejects.append(_reject(lines, first, place, count, found))
            else:
                raise self._unusable(first + place, found)
        return _unzipped(good), len(lines)

    def _begin(self, rows: Rows, first: int) -> int:
        """Read the header, if the first row is one; the number of rows that are no events."""
        number = next((n for n, cells in enumerate(rows.cells) if not _blank(cells)), None)
        if number is None:
            return len(rows.cells)
        try:
            header = self._shape.header(rows.cells[number])
        except BadEventError as error:
            raise self._unusable(first + rows.places[number], error) from error
        self._begun = True
        self.header = None if header is None else tuple(header)
        return number if header is None else number + 1

    def _closely(
        self, rows: Rows, each: int, lines: Sequence[bytes], first: int, parts: Parts
    ) -> None:
        cells, place = rows.cells[each], rows.places[each]
        if _blank(cells):
            return
        try:
            values, key = self._shape.row(cells, self.header)
        except BadEventError as error:
            parts.rejects.append(_reject(lines, first, place, rows.lines[each], error))
        else:
            keys = [] if key is None else [key]
            parts.parts.append(Part([first + place], np.array([values], np.float64), keys))

    def _unusable(self, line: int, error: BadEventError) -> DataError:
        return DataError(Reject(line, str(error), "").message(self._shape.name))


def _blank(cells: Sequence[str]) -> bool:
    return not cells or (len(cells) == 1 and not cells[0].strip())


def _unzipped(rows: Sequence[tuple[int, int, list[str]]]) -> Rows:
    places, counts, cells = zip(*rows, strict=True) if rows else ((), (), ())
    return Rows(places, counts, cells)


def _text(lines: Sequence[bytes], rows: Rows, place: int) -> str:
    count = rows.lines[rows.places.index(place)]
    return "\n".join(map(shown, lines[place : place + count]))


def _reject(
    lines: Sequence[bytes], first: int, place: int, count: int, error: BadEventError
) -> Reject:
    text = "\n".join(map(shown, lines[place : place + count]))
    return Reject(first + place, str(error), text)


def _plain_rows(lines: Sequence[bytes], first: int) -> Rows | None:
    """The rows where every line is one, or None."""
    joined = b"\n".join(lines)
    if len(joined) > LONGEST:
        return None
    try:
        text = joined.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    texts = (text.removeprefix("\ufeff") if first == 1 else text).split("\n")
    if '"' in text:
        # A row that goes on beyond the last line would swallow the one after it.
        texts = [*(each + "\n" for each in texts), "one more"]
    try:
        rows = list(csv.reader(texts))
    except csv.Error:
        return None
    if len(rows) != len(texts):
        return None
    return Rows(range(len(lines)), [1] * len(lines), rows[: len(lines)])


def _each_row(
    lines: Sequence[bytes], first: int, *, last: bool
) -> Iterator[tuple[int, int, list[str] | BadEventError | None]]:
    """Each row's first line, its number of lines, and its cells or why it is none.

    None at the end stands for a row whose end has not come. A quote that is never closed is the
    fault of its line alone: the next one is read as if there were none.
    """
    feed = _Feed(lines, first)
    reader = csv.reader(feed)
    while (start := feed.place) < len(lines):
        found: list[str] | BadEventError
        try:
            found = next(reader)
        except _NoMoreError:
            if not last:
                yield start, 0, None
                return
            feed.place = start + 1
            found = BadEventError("a quote is left open")
        except BadEventError as error:
            found = error
        except csv.Error as error:
            found = _explained(error)
            if "limit" in str(error):
                feed.place = start + 1
        yield start, feed.place - start, found


def _explained(error: csv.Error) -> BadEventError:
    problem = str(error)
    if "new-line" in problem:  # csv's advice is for programmers
        problem = "lines end in \\r alone; save the file with \\n at the end of each"
    elif "limit" in problem:
        problem = "a cell is longer than 128 KiB, or a quote is left open"
    return BadEventError(problem)


class _NoMoreError(Exception):
    """The lines end within a row."""


class _Feed:
    """Lines as text for a csv reader, which must not take their end for that of a row."""

    def __init__(self, lines: Sequence[bytes], first: int) -> None:
        self.place = 0
        self._lines = lines
        self._first = first

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.place == len(self._lines):
            raise _NoMoreError
        line = self._lines[self.place]
        self.place += 1
        return as_text(line, first=self._first + self.place == 2) + "\n"
