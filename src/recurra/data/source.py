"""A table file, opened: its columns, and where in it a value stands."""

from __future__ import annotations

import gzip
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any

from recurra.errors import DataError

FOREIGN = {
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "an Arrow file; name it .arrow",
    b"PK\x03\x04": "a zip archive or a spreadsheet; save the sheet as CSV",
    b"\x1f\x8b": "compressed; name it .gz",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
}


class Source(ABC):
    """One table file. Rows count from 0; what a message calls them is the format's affair."""

    typed: bool  # are the columns' types the file's own, not guessed from text?
    header: str = ""  # where the columns' names stand (', line 1'), if they stand in a line

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The columns' names, in the file's order."""

    @abstractmethod
    def read(self, as_text: Collection[str]) -> Any:
        """The pyarrow table; the columns ``as_text`` keep their spelling if the format has one."""

    @abstractmethod
    def cell(self, row: int, column: str) -> tuple[str, str]:
        """Where a value stands ('line 7') and how it is written there ('' if it is missing)."""

    def error(self, row: int, column: str, problem: str, repair: str = "") -> DataError:
        """That the value in ``row`` and ``column`` ``problem`` ('is not a number')."""
        place, text = self.cell(row, column)
        what = f"{shortened(text)} {problem}" if text else "the value is missing"
        return DataError(
            f"{self.path}, {place}, column {column!r}: {what}.{repair and ' '}{repair}"
        )


def shortened(text: str, most: int = 40) -> str:
    """Text in quotes, on one line and not too long for a message.

    >>> print(shortened("a" * 50, most=5))
    'aaaaa...'
    """
    return repr(text if len(text) <= most else text[:most] + "...")


def read_text_file(path: Path) -> bytes:
    """The bytes of a text file, unpacked when its name ends in .gz."""
    packed = path.suffix.lower() == ".gz"
    try:
        data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}).") from error
    if not data.strip():
        raise DataError(f"{path}: the file is empty.")
    refuse_binary(path, data)
    return data


def refuse_binary(path: Path, data: bytes) -> None:
    """Raise when the bytes are plainly no UTF-8 text."""
    for magic, what in FOREIGN.items():
        if data.startswith(magic):
            raise DataError(f"{path}: the file is {what}.")
    start = data[:4096]
    if b"\0" in start:
        line = start.count(b"\n", 0, start.index(b"\0")) + 1
        raise DataError(f"{path}, line {line}: the file is binary, wanted UTF-8 text.")


def not_utf8(path: Path, line: int, column: str | None, byte: int) -> DataError:
    """That a byte is no UTF-8."""
    where = f"{path}, line {line}" + ("" if column is None else f", column {column!r}")
    return DataError(f"{where}: byte 0x{byte:02x} is not UTF-8. Save the file as UTF-8.")
