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
from recurra.data.words import counted, missing_name
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
        format: "csv" or "jsonl". If None: the path's ending, or else JSON Lines when the first line
            begins with { or [ and CSV when not.

    Raises:
        DataError: there is no such file, or a line cannot be used; names line and column. Raised
            for the path at once, for a line when its turn comes.

    >>> import io
    >>> for event in events(io.StringIO("user,x,y\nann,1,2\nbob,3,4\n"), key="user"):
    ...     print(event)
    Event(line=2, values=[1.0, 2.0], key='ann')
    Event(line=3, values=[3.0, 4.0], key='bob')
    """
    name, file, ours = open_lines(source)
    if format is None:
        format = ENDINGS.get(Path(name).suffix.lower())
    reader = _Reader(name, None if columns is None else list(columns), key)
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

    def __init__(self, name: str, columns: list[str] | None, key: str | None) -> None:
        self._name = name
        self._columns = columns
        self._key = key
        self._width = None if columns is None else len(columns)
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
                yield self._from_fields(lines.number, value)
            else:
                yield self._from_list(lines.number, value if isinstance(value, list) else [value])

    def csv_rows(self, lines: Lines) -> Iterator[Event]:
        rows = csv.reader(lines)
        header: list[str] | None = None
        first = True
        while True:
            line = lines.number + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._error(line, str(error)) from error
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            if first:
                first = False
                header = self._header(line, [cell.strip() for cell in row])
                if header is not None:
                    continue
            if header is None:
                yield self._from_list(line, row)
            elif len(row) != len(header):
                cells = counted(len(row), "cell")
                raise self._error(line, f"{cells}, the header has {len(header)}")
            else:
                yield self._from_fields(line, dict(zip(header, row, strict=True)))

    def _header(self, line: int, row: list[str]) -> list[str] | None:
        """The first row if it holds names, or None if it is an event."""
        if all(not cell or _parses(cell) for cell in row):
            return None
        asked = {self._key, *(self._columns or ())}
        number = next((cell for cell in row if _parses(cell)), None)
        if number is not None and not asked & set(row):
            word = next(cell for cell in row if cell and not _parses(cell))
            raise self._error(
                line, f"{word!r} is not a number, and {number!r} is not a name, so it is no header"
            )
        twice = next((cell for cell in row if row.count(cell) > 1), None)
        if twice is not None:
            raise self._error(line, "two columns have this name", twice)
        for wanted in [*(self._columns or ()), *([] if self._key is None else [self._key])]:
            if wanted not in row:
                raise self._error(line, missing_name("column", wanted, row).rstrip("."))
        return row

    def _from_fields(self, line: int, fields: dict[str, Any]) -> Event:
        if self._columns is None:
            self._columns = [name for name in fields if name != self._key]
            self._width = len(self._columns)
        for wanted in self._columns:
            if wanted not in fields:
                raise self._error(line, missing_name("column", wanted, fields).rstrip("."))
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
        if self._width is None:
            self._width = len(values)
        if len(values) != self._width:
            raise self._error(line, f"{counted(len(values), 'value')}, wanted {self._width}")
        numbers = [self._number(line, value, i) for i, value in enumerate(values, start=1)]
        return Event(line, numbers, None)

    def _number(self, line: int, value: Any, column: str | int) -> float:
        if value is None or (isinstance(value, str) and not value.strip()):
            raise self._error(line, "the value is missing", column)
        shown = repr(value) if isinstance(value, str) else json.dumps(value)
        if isinstance(value, (bool, list, dict)):
            raise self._error(line, f"{shown} is not a number", column)
        if isinstance(value, str) and not _parses(value):
            raise self._error(line, f"{shown} is not a number", column)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._error(line, f"{shown[:40]} is not a finite number", column)
        if abs(number) > LARGEST:
            raise self._error(line, f"{shown} does not fit a 32-bit float", column)
        return number

    def _error(self, line: int, problem: str, column: str | int | None = None) -> DataError:
        named = "" if column is None else f", column {column!r}"
        return DataError(f"{self._name}, line {line}{named}: {problem}.")


def _parses(text: str) -> bool:
    """Is it written as a number? Python's 1_000 is not one here."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
