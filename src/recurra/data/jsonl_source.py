"""JSON Lines files: read by pyarrow, and read again line by line when something must be located."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from recurra.data.extras import require
from recurra.data.source import Source, not_utf8, read_text_file, shortened
from recurra.data.words import same_letters
from recurra.errors import DataError

KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class JsonLinesSource(Source):
    """One JSON object a line. The columns are the keys, in the order they first appear."""

    typed = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._data = read_text_file(path).removeprefix(b"\xef\xbb\xbf")
        pa, arrow_json = require("pyarrow", "cli"), require("pyarrow.json", "cli")
        try:
            self._table = arrow_json.read_json(pa.BufferReader(self._data))
            self._table.validate(full=True)
            self._names = [same_letters(name) for name in self._table.column_names]
            self._table = self._table.rename_columns(self._names)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            self._explain(error)
        if self._table.num_rows != len(self._data.rstrip().split(b"\n")):
            for _ in self._objects():  # blank lines are well; two objects a line are not
                pass

    @property
    def names(self) -> list[str]:
        """The columns' names, in the file's order."""
        return self._names

    def read(self, as_text: Collection[str]) -> Any:
        """The table; its types are the file's own."""
        return self._table

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """The line of an object and the value as written."""
        for index, (line, fields) in enumerate(self._objects()):
            if index == row:
                value = fields.get(column)
                text = value if isinstance(value, str) else json.dumps(value)
                return f"line {line}", "" if value is None else text
        raise AssertionError(f"row {row} is not in {self.path}")

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every object with its line; the first line that holds none raises."""
        for line, raw in enumerate(io.BytesIO(self._data), start=1):
            if raw.strip():
                yield line, self._object(line, raw)

    def _object(self, line: int, raw: bytes) -> dict[str, Any]:
        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            pairs = [(same_letters(key), each) for key, each in pairs]
            fields = dict(pairs)
            if len(fields) < len(pairs):
                keys = [key for key, _ in pairs]
                twice = next(key for key in keys if keys.count(key) > 1)
                raise DataError(f"{self.path}, line {line}, column {twice!r}: given twice.")
            return fields

        try:
            value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
        except UnicodeDecodeError as error:
            raise not_utf8(self.path, line, None, raw[error.start]) from error
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.path}, line {line}: broken JSON at character {error.pos + 1}: {error.msg}. "
                "Wanted one object a line."
            ) from error
        except RecursionError as error:
            raise DataError(f"{self.path}, line {line}: nested too deeply.") from error
        if not isinstance(value, dict):
            raise DataError(f"{self.path}, line {line}: {KINDS[type(value)]}, wanted an object.")
        return value

    def _explain(self, cause: object) -> NoReturn:
        """Find the line that made pyarrow refuse the file."""
        first: dict[str, tuple[int, str]] = {}
        for line, fields in self._objects():
            for column, value in fields.items():
                if value is None:
                    continue
                kind = KINDS[type(value)]
                earlier, wanted = first.setdefault(column, (line, kind))
                where = f"{self.path}, line {line}, column {column!r}"
                if kind != wanted:
                    raise DataError(
                        f"{where}: {shortened(json.dumps(value))} is {kind}, "
                        f"line {earlier} has {wanted}."
                    )
                if value in (float("inf"), float("-inf")):
                    raise DataError(f"{where}: the number is too large.")
        raise DataError(f"{self.path}: {str(cause).splitlines()[0]}.")
