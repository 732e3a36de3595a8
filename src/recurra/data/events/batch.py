"""What is read at once: events that can be used, and those that cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BadEventError", "Batch", "Format", "Part", "Parts", "Position", "Reject"]

Format = Literal["csv", "jsonl", "parquet", "arrow"]


class BadEventError(Exception):
    """An event cannot be used; never leaves the reader.

    Args:
        problem: what is wrong, a sentence.
        column: where, by its name or, from 1, its number.
        hint: a sentence that tells a repair, with a space before it.
    """

    def __init__(self, problem: str, column: str | int | None = None, hint: str = "") -> None:
        named = "" if column is None else f"column {column!r}: "
        super().__init__(f"{named}{problem.rstrip('.')}.{hint}")


class Reject(NamedTuple):
    """An event that cannot be used."""

    line: int  # where it begins, from 1; the row where the format has no lines
    reason: str
    text: str  # as it was given

    def message(self, name: str, unit: str = "line") -> str:
        """A sentence that names the input, the line and the reason.

        >>> Reject(3, "column 'x': 'abc' is not a number.", "abc").message("e.csv")
        "e.csv, line 3, column 'x': 'abc' is not a number."
        """
        comma = "," if self.reason.startswith("column ") else ":"
        return f"{name}, {unit} {self.line}{comma} {self.reason}"


class Position(NamedTuple):
    """How far an input has been read, and what its first lines fixed for the rest."""

    at: int = 0  # bytes; rows where the format has no lines
    line: int = 0  # lines, or rows
    format: Format | None = None
    header: tuple[str, ...] | None = None  # the names in the first line of CSV
    columns: tuple[str, ...] | None = None  # the features
    width: int | None = None  # how many there are
    checksum: int = 0  # of the lines of a pipe


class Batch(NamedTuple):
    """Events in the order of the input; there are none when an input was only waited for."""

    lines: NDArray[np.int64]  # (event,)  where each begins
    values: NDArray[np.float64]  # (event, feature)
    keys: Sequence[str] | None  # (event,)
    rejects: Sequence[Reject]
    position: Position  # after all of them
    text: Callable[[int], str]  # what was given, by the line where an event begins

    def __len__(self) -> int:
        return len(self.lines)


class Part(NamedTuple):
    """Some events of a batch, converted at once."""

    lines: Any  # (event,)
    values: Any  # (event, feature)
    keys: list[str]  # (event,) or empty


class Parts:
    """The parts of one batch, put together at the end."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.rejects: list[Reject] = []
        self.text: Callable[[int], str] = str

    def batch(self, position: Position, *, keyed: bool) -> Batch:
        """All of them."""
        parts = self.parts
        if len(parts) == 1:
            lines, values, keys = parts[0]
        elif parts:
            lines = np.concatenate([part.lines for part in parts])
            values = np.concatenate([part.values for part in parts])
            keys = [key for part in parts for key in part.keys]
        else:
            lines, values, keys = np.empty(0, np.int64), np.empty((0, position.width or 0)), []
        return Batch(
            np.asarray(lines, np.int64),
            values,
            keys if keyed else None,
            self.rejects,
            position,
            self.text,
        )
