"""Lines of a live stream, read one at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from recurra.errors import DataError


def open_lines(source: Any) -> tuple[str, IO[Any], bool]:
    """A name for messages, the file, and whether it is ours to close."""
    if hasattr(source, "readline"):
        name = getattr(source, "name", None)
        return (name if isinstance(name, str) else "<stream>"), source, False
    if os.fspath(source) == "-":
        return "<stdin>", getattr(sys.stdin, "buffer", sys.stdin), False
    path = Path(source)
    if not path.exists():
        raise DataError(f"{path}: there is no such file.")
    try:
        return str(path), path.open("rb"), True
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


class Lines:
    """Lines of text, read one at a time by ``readline`` so that nothing waits in a buffer."""

    def __init__(self, name: str, file: IO[Any]) -> None:
        self.name = name
        self.number = 0  # of the line given out last
        self._file = file
        self._waiting: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def push_back(self, text: str) -> None:
        """Give the line out once more, as the next."""
        self._waiting.append(text)
        self.number -= 1

    def __next__(self) -> str:
        text = self._waiting.pop() if self._waiting else self._read()
        self.number += 1
        return text

    def _read(self) -> str:
        where = f"{self.name}, line {self.number + 1}"
        try:
            line = self._file.readline()
            text: str = line.decode("utf-8") if isinstance(line, bytes) else line
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise DataError(f"{where}: byte 0x{byte:02x} is not UTF-8.") from error
        except OSError as error:
            raise DataError(f"{where}: cannot be read ({error.strerror}).") from error
        if not text:
            raise StopIteration
        if "\0" in text:
            raise DataError(f"{where}: the data is binary, wanted CSV or JSON Lines.")
        return text.removeprefix("\ufeff") if self.number == 0 else text
