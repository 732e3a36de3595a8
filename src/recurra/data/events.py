"""Events of a live stream, one a line, each given out as soon as its line is read."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from recurra.data.lines import Lines, open_lines
from recurra.data.separators import are_numbers, is_number, separator_hint
from recurra.data.source import shortened
from recurra.data.words import counted, listed, missing_name, same_letters
from recurra.errors import DataError

Format = Literal["csv", "jsonl"]
ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
LARGEST = 3.4028234663852886e38  # the largest 32-bit float


class Event(NamedTuple):
    """One event of a stream."""

    line: int  # where it begins, from 1
    values: list[float]  # (feature,)
    key: str | None  # which stream it belongs to; None without key=


def events(
    source: str | os.PathLike[str] | IO[str] | IO[bytes],
    *,
    columns: Sequence[str] | None = None,
    key: str | None = None,
    width: int | None = None,
    format: Format | None = None,
) -> Iterator[Event]:
    r"""Read events one by one and give each out before the next line is touched.

    JSON Lines: a line is a number, a list of numbers or an object. CSV: with names in the first
    line, or without if every cell of it is a number. Blank lines are passed over.

    Args:
        source: a path, "-" for standard input, or an open file. Bytes are read as UTF-8.
        columns: the features in the model's order. If None, all columns but ``key``, in the order
            of the header or of the first object. Events without names must have as many values.
        key: the column that tells which stream an event belongs to.
        width: the features there must be where ``columns`` does not name them; if None, as many as
            the header or the first event has.
        format: "csv" or "jsonl". If None: the path's ending, or else JSON Lines when the first line
            begins with { or [ and CSV when not.

    Raises:
        DataError: there is no such file, no event in it, or a line cannot be used; names line and
            column. Raised for the path at once, for a line when its turn comes: for a header that
            does not fit before the line after it is read.

    >>> import io
    >>> for event in events(io.StringIO("user,x,y\nann,1,2\nbob,3,4\n"), key="user"):
    ...     print(event)
    Event(line=2, values=[1.0, 2.0], key='ann')
    Event(line=3, values=[3.0, 4.0], key='bob')
    """
    name, file, ours = open_lines(source)
    if format is None:
        format = ENDINGS.get(Path(name).suffix.lower())
    reader = _Reader(name, None if columns is None else list(columns), key, width)
    return _events(Lines(name, file), reader, format, file if ours else None)


def _events(
    lines: Lines, reader: _Reader, format: Format | None, close: IO[Any] | None
) -> Iterator[Event]:
    try:
        first = next((text for text in lines if text.strip()), None)
        if first is None:
            raise DataError(f"{lines.name}: there are no events.")
        if format is None:
            format = "jsonl" if first.lstrip().startswith(("{", "[")) else "csv"
        lines.push_back(first)
        yield from (reader.json_lines if format == "jsonl" else reader.csv_rows)(lines)
    finally:
        if close is not None:
            close.close()


class _Reader:
    """Turns lines into events; what the first event fixes (names, width) holds for the rest."""

    def __init__(
        self, name: str, columns: list[str] | None, key: str | None, width: int | None
    ) -> None:
        self._name = name
        columns = None if columns is None else [same_letters(each) for each in columns]
        key = None if key is None else same_letters(key)
        self._columns = columns
        self._key = key
        self._width = width if columns is None else len(columns)
        if columns is not None and key in columns:
            raise DataError(f"{name}, column {key!r}: given as key= and in columns=.")

    def json_lines(self, lines: Lines) -> Iterator[Event]:
        for text in lines:
            if not text.strip():
                continue
            try:
                value = json.loads(text)
            except json.JSONDecodeError as error:
                message = f"broken JSON at character {error.pos + 1}: {error.msg}"
                raise self._error(lines.number, message) from error
            except (RecursionError, ValueError) as error:
                raise self._error(lines.number, "nested too deeply or too long") from error
            if isinstance(value, dict):
                fields = {same_letters(name): each for name, each in value.items()}
                yield self._from_fields(lines.number, fields)
            else:
                yield self._from_list(lines.number, value if isinstance(value, list) else [value])

    def csv_rows(self, lines: Lines) -> Iterator[Event]:
        rows = self._rows(lines)
        line, row = next(rows, (0, []))
        if not row:
            raise DataError(f"{self._name}: there are no events.")
        header = self._header(line, row)
        if header is None:
            yield self._from_list(line, row)
        waiting = header is not None
        for line, row in rows:
            waiting = False
            yield self._from_list(line, row) if header is None else self._named(line, row, header)
        if waiting:
            raise DataError(f"{self._name}: there are no events, only the names of the columns.")

    def _rows(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """Every record that is not blank, with the line it begins in."""
        records = csv.reader(lines)
        while True:
            line = lines.number + 1
            try:
                row = next(records)
            except StopIteration:
                return
            except csv.Error as error:
                problem = str(error)
                if "new-line" in problem:  # csv's advice is for programmers
                    problem = "lines end in \\r alone; save the file with \\n at the end of each"
                raise self._error(line, problem) from error
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row

    def _header(self, line: int, row: list[str]) -> list[str] | None:
        """The first row if it holds names, or None if it is an event."""
        row = [same_letters(cell.strip()) for cell in row]
        if all(not cell or is_number(cell) for cell in row):
            return None
        asked = [*(self._columns or ()), *([] if self._key is None else [self._key])]
        if not {*asked} & {*row}:
            self._refuse_numbers(line, row)
        twice = next((cell for cell in row if row.count(cell) > 1), None)
        if twice is not None:
            raise self._error(line, "two columns have this name", twice)
        hint = separator_hint(row, asked, self._width)
        for wanted in asked:
            if wanted not in row:
                raise self._error(line, missing_name("column", wanted, row), hint=hint)
        names = [name for name in row if name != self._key]
        if self._columns is None and self._width not in (None, len(names)):
            found = f"{counted(len(names), 'feature')} ({listed(names)})"
            raise self._error(line, f"the header names {found}, wanted {self._width}", hint=hint)
        return row

    def _refuse_numbers(self, line: int, row: list[str]) -> None:
        """Raise if numbers stand in the first row, though not every cell is one."""
        word = next(cell for cell in row if cell and not is_number(cell))
        if are_numbers(word):
            wanted = "" if self._width is None else f", wanted {counted(self._width, 'value')}"
            problem = f"{shortened(word)} is not a number{wanted}"
            raise self._error(line, problem, hint=separator_hint([word]))
        number = next((cell for cell in row if is_number(cell)), None)
        if number is not None:
            raise self._error(
                line, f"{word!r} is not a number, and {number!r} is not a name, so it is no header"
            )

    def _named(self, line: int, row: list[str], header: list[str]) -> Event:
        if len(row) != len(header):
            problem = f"{counted(len(row), 'cell')}, the header has {len(header)}"
            raise self._error(line, problem, hint=separator_hint(row, width=len(header)))
        return self._from_fields(line, dict(zip(header, row, strict=True)))

    def _from_fields(self, line: int, fields: dict[str, Any]) -> Event:
        if self._columns is None:
            self._columns = [name for name in fields if name != self._key]
            self._check_width(line, self._columns, "feature")
        for wanted in self._columns:
            if wanted not in fields:
                raise self._error(line, missing_name("column", wanted, fields))
        values = [self._number(line, fields[name], name) for name in self._columns]
        return Event(line, values, self._key_of(line, fields))

    def _key_of(self, line: int, fields: dict[str, Any]) -> str | None:
        if self._key is None:
            return None
        value = fields.get(self._key)
        if value is None or value == "":
            raise self._error(line, "the key is missing", self._key)
        if isinstance(value, (bool, float, list, dict)):
            raise self._error(line, "a key is text or a whole number", self._key)
        return str(value)

    def _from_list(self, line: int, values: Sequence[Any]) -> Event:
        if self._key is not None:
            raise self._error(line, f"no column {self._key!r}: key= needs a header or objects")
        self._check_width(line, values, "value")
        numbers = [self._number(line, value, i) for i, value in enumerate(values, start=1)]
        return Event(line, numbers, None)

    def _check_width(self, line: int, found: Sequence[Any], what: str) -> None:
        if self._width is None:
            self._width = len(found)
        if len(found) != self._width:
            hint = separator_hint([each for each in found if isinstance(each, str)])
            problem = f"{counted(len(found), what)}, wanted {self._width}"
            raise self._error(line, problem, hint=hint)

    def _number(self, line: int, value: Any, column: str | int) -> float:
        if value is None or (isinstance(value, str) and not value.strip()):
            raise self._error(line, "the value is missing", column)
        shown = repr(value) if isinstance(value, str) else json.dumps(value)
        if isinstance(value, (bool, list, dict)):
            raise self._error(line, f"{shown} is not a number", column)
        if isinstance(value, str) and not is_number(value):
            raise self._error(line, f"{shown} is not a number", column, separator_hint([value]))
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._error(line, f"{shown[:40]} is not a finite number", column)
        if abs(number) > LARGEST:
            raise self._error(line, f"{shown} does not fit a 32-bit float", column)
        return number

    def _error(
        self, line: int, problem: str, column: str | int | None = None, hint: str = ""
    ) -> DataError:
        named = "" if column is None else f", column {column!r}"
        return DataError(f"{self._name}, line {line}{named}: {problem.rstrip('.')}.{hint}")
