"""Parquet, Arrow and Feather files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from recurra.data.extras import require
from recurra.data.source import Source
from recurra.data.words import same_letters
from recurra.errors import DataError


class ArrowSource(Source):
    """A file of typed columns. It has no lines, so messages count its rows, from 1."""

    typed = True

    def __init__(self, path: Path, read_table: Callable[[Path], Any], what: str) -> None:
        super().__init__(path)
        pa = require("pyarrow", "cli")
        try:
            self._table = read_table(path)
            self._table.validate(full=True)
            self._names = [same_letters(name) for name in self._table.column_names]
            self._table = self._table.rename_columns(self._names)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise DataError(f"{path}: not a whole {what} file ({reason}).") from error

    @property
    def names(self) -> list[str]:
        """The columns' names, in the file's order."""
        return self._names

    def read(self, as_text: Collection[str]) -> Any:
        """The table; its types are the file's own."""
        return self._table

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """A row, counted from 1, and the value there."""
        value = self._table[column][row].as_py()
        return f"row {row + 1}", "" if value is None else str(value)


def parquet_source(path: Path) -> ArrowSource:
    """A Parquet file. Only this file: folder names beside it add no columns."""
    parquet, pa = require("pyarrow.parquet", "cli"), require("pyarrow", "cli")
    return ArrowSource(path, lambda path: parquet.read_table(pa.memory_map(str(path))), "Parquet")


def ipc_source(path: Path) -> ArrowSource:
    """An Arrow file, of the random-access or the streaming kind; Feather version 2 is the first."""
    return ArrowSource(path, _read_ipc, "Arrow")


def _read_ipc(path: Path) -> Any:
    pa, ipc = require("pyarrow", "cli"), require("pyarrow.ipc", "cli")
    with path.open("rb") as file:
        random_access = file.read(6) == b"ARROW1"
    open_ipc = ipc.open_file if random_access else ipc.open_stream
    with open_ipc(pa.memory_map(str(path))) as reader:
        return reader.read_all()
