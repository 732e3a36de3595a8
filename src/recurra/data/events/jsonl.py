"""JSON Lines: an object, a list of numbers or a number a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.data.events.batch import BadEventError, Part, Parts, Reject
from recurra.data.events.converting import UnusualError, by_halves, columns_of, rows_of
from recurra.data.events.lines import LONGEST
from recurra.data.events.shape import Shape
from recurra.data.extras import require
from recurra.data.words import same_letters

__all__ = ["JsonLines", "as_text", "shown"]

Numbered = tuple[int, bytes]


class JsonLines:
    """Reads lines of JSON; keeps nothing between lots but what the shape does."""

    header: tuple[str, ...] | None = None

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._loads = require("orjson", "cli").loads

    def read(self, lines: Sequence[bytes], first: int, parts: Parts, *, last: bool) -> int:
        """Convert lines, of which one has the number ``first``; the lines used up."""
        numbers = range(first, first + len(lines))

        def at_once(places: Sequence[int]) -> None:
            low, high = places[0] - first, places[-1] + 1 - first
            part = self._plain(lines[low:high])
            parts.parts.append(part._replace(lines=np.arange(places[0], places[-1] + 1)))

        def one_by_one(places: Sequence[int]) -> None:
            for number in places:
                self._closely(number, lines[number - first], parts)

        parts.text = lambda number: shown(lines[number - first])
        by_halves(numbers, at_once, one_by_one)
        return len(lines)

    def _plain(self, lines: Sequence[bytes]) -> Part:
        try:
            found = list(map(self._loads, lines))
        except ValueError:
            raise UnusualError from None
        kinds = set(map(type, found))
        if sum(map(len, lines)) > LONGEST:
            raise UnusualError
        if kinds == {dict}:
            return columns_of(self._shape, found)
        if kinds == {list}:
            return rows_of(self._shape, found)
        if kinds <= {float, int}:
            return rows_of(self._shape, [[each] for each in found])
        raise UnusualError

    def _closely(self, number: int, line: bytes, parts: Parts) -> None:
        if not line.strip():
            return
        try:
            values, key = self._event(as_text(line, first=number == 1))
        except BadEventError as error:
            parts.rejects.append(Reject(number, str(error), shown(line)))
        else:
            parts.parts.append(
                Part([number], np.array([values], np.float64), [] if key is None else [key])
            )

    def _event(self, text: str) -> tuple[list[float], str | None]:
        value = _parsed(text)
        if isinstance(value, dict):
            return self._shape.named({same_letters(name): each for name, each in value.items()})
        return self._shape.listed(value if isinstance(value, list) else [value])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"broken JSON at character {error.pos + 1}: {error.msg}"
        raise BadEventError(problem) from error
    except (RecursionError, ValueError) as error:
        raise BadEventError("nested too deeply or too long") from error


def as_text(line: bytes, *, first: bool) -> str:
    """A line as text; raises a `BadEventError` where it is none."""
    if len(line) > LONGEST:
        raise BadEventError(f"the line is longer than {LONGEST >> 20} MiB")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEventError(f"byte 0x{line[error.start]:02x} is not UTF-8") from error
    if "\0" in text:
        raise BadEventError("the data is binary, wanted CSV or JSON Lines")
    return text.removeprefix("\ufeff") if first else text


def shown(line: bytes) -> str:
    """A line for the list of rejects: as it came, its beginning if it is too long to be kept."""
    line = line[:1000] if len(line) > LONGEST else line
    return line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
