"""CSV files: read by pyarrow, and read again line by line when something must be located."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from recurra.data.extras import require
from recurra.data.source import Source, not_utf8, read_text_file, shortened
from recurra.data.words import counted, same_letters
from recurra.errors import DataError

LOW_SURROGATE = 0xDC00  # Python's "surrogateescape" keeps an undecodable byte b as 0xDC00 + b


class CsvSource(Source):
    """Comma-separated values; the first line names the columns.

    pyarrow's errors name no line, or a wrong one, so a failed read is explained by a second,
    slower reading with the standard library, which knows the line of every record.
    """

    typed = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._data = read_text_file(path)
        line, self._header = next(self._records())
        self.header = f", line {line}"
        self._names = [same_letters(name.strip()) for name in self._header]
        self._check_text(line, self._header)

    @property
    def names(self) -> list[str]:
        """The columns' names, in the file's order."""
        return self._names

    def read(self, as_text: Collection[str]) -> Any:
        """The table, with the types that pyarrow finds."""
        pa, arrow_csv = require("pyarrow", "cli"), require("pyarrow.csv", "cli")
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(self._data),
                parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={self._header[self._names.index(n)]: pa.string() for n in as_text}
                ),
            )
        except pa.ArrowException as error:
            self._explain(error)
        if any(pa.types.is_binary(column.type) for column in table.columns):
            self._explain("a column is not UTF-8")
        return table.rename_columns(self._names)

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """The line a record begins in and the cell as written."""
        for index, (line, cells) in enumerate(self._records(), start=-1):
            if index == row:
                return f"line {line}", cells[self._names.index(column)].strip()
        raise AssertionError(f"row {row} is not in {self.path}")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Every record that is not blank, with the line it begins in; the header comes first."""
        text = io.TextIOWrapper(
            io.BytesIO(self._data), encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        reader = csv.reader(text)
        before = 0
        try:
            for cells in reader:
                if cells:
                    yield before + 1, cells
                before = reader.line_num
        except csv.Error as error:
            message = f"{self.path}, line {before + 1}: {error}. Is a quote left open?"
            raise DataError(message) from error

    def _explain(self, cause: object) -> NoReturn:
        """Find the record that made pyarrow refuse the file."""
        for line, cells in self._records():
            self._check_text(line, cells)
            if len(cells) != len(self._names):
                raise self._ragged(line, cells)
        raise DataError(f"{self.path}: {str(cause).splitlines()[0]}.")

    def _check_text(self, line: int, cells: list[str]) -> None:
        for index, cell in enumerate(cells):
            escaped = [ord(c) for c in cell if LOW_SURROGATE <= ord(c) <= LOW_SURROGATE + 0xFF]
            if escaped:
                named = self._names[index] if index < len(self._names) else None
                column = None if cells is self._header else named
                raise not_utf8(self.path, line, column, escaped[0] - LOW_SURROGATE)

    def _ragged(self, line: int, cells: list[str]) -> DataError:
        wanted = len(self._names)
        if len(cells) > wanted:
            place = f"after column {self._names[-1]!r}"
            extra = f": {shortened(cells[wanted])} {place} is one too many"
        else:
            extra = f": column {self._names[len(cells)]!r} has no value"
        quote = " Is a quote left open?" if any("\n" in cell for cell in cells) else ""
        return DataError(
            f"{self.path}, line {line}{extra}. "
            f"The line has {counted(len(cells), 'cell')}, the header has {wanted}.{quote}"
        )
