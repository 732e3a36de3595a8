"""What an event must be: the features, the key, the numbers; and how a wrong one is explained."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from recurra.data.events.batch import BadEventError, Position
from recurra.data.separators import are_numbers, is_number, separator_hint
from recurra.data.source import shortened
from recurra.data.words import counted, listed, missing_name, same_letters
from recurra.errors import DataError

__all__ = ["LARGEST", "Shape"]

LARGEST = 3.4028234663852886e38  # the largest 32-bit float

Values = tuple[list[float], "str | None"]


class Shape:
    """Turns one event into numbers and a key; what the first event fixes holds for the rest.

    Args:
        name: the input's, for messages.
        columns: the features in the model's order, or None for all columns but the key's.
        key: the column that tells which stream an event belongs to.
        width: how many features there must be where columns does not name them.
    """

    def __init__(
        self, name: str, columns: Sequence[str] | None, key: str | None, width: int | None
    ) -> None:
        self.name = name
        self.columns = None if columns is None else [same_letters(each) for each in columns]
        self.key = None if key is None else same_letters(key)
        self.width = width if self.columns is None else len(self.columns)
        if self.columns is not None and self.key in self.columns:
            raise DataError(f"{name}, column {self.key!r}: given as key= and in columns=.")

    def resume(self, position: Position) -> None:
        """Take up what an earlier reading of the same input found."""
        if position.columns is not None:
            self.columns = list(position.columns)
        if position.width is not None:
            self.width = position.width

    def header(self, row: Sequence[str]) -> list[str] | None:
        """The first row if it holds names, or None if it is an event.

        Raises:
            BadEventError: it is neither, or the names are not those wanted.
        """
        row = [same_letters(cell.strip()) for cell in row]
        if all(not cell or is_number(cell) for cell in row):
            return None
        asked = [*(self.columns or ()), *([] if self.key is None else [self.key])]
        if not {*asked} & {*row}:
            self._refuse_numbers(row)
        self.check_names(row)
        return row

    def check_names(self, names: Sequence[str], what: str = "the header names") -> None:
        """Raise a `BadEventError` if the names of all columns are not those wanted."""
        asked = [*(self.columns or ()), *([] if self.key is None else [self.key])]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BadEventError("two columns have this name", twice)
        hint = separator_hint(names, asked, self.width)
        for wanted in asked:
            if wanted not in names:
                raise BadEventError(missing_name("column", wanted, names), hint=hint)
        features = [name for name in names if name != self.key]
        if self.columns is None and self.width not in (None, len(features)):
            found = f"{counted(len(features), 'feature')} ({listed(features)})"
            raise BadEventError(f"{what} {found}, wanted {self.width}", hint=hint)

    def _refuse_numbers(self, row: Sequence[str]) -> None:
        """Raise if numbers stand in the first row, though not every cell is one."""
        word = next(cell for cell in row if cell and not is_number(cell))
        if are_numbers(word):
            wanted = "" if self.width is None else f", wanted {counted(self.width, 'value')}"
            problem = f"{shortened(word)} is not a number{wanted}"
            raise BadEventError(problem, hint=separator_hint([word]))
        number = next((cell for cell in row if is_number(cell)), None)
        if number is not None:
            raise BadEventError(
                f"{word!r} is not a number, and {number!r} is not a name, so it is no header"
            )

    def row(self, cells: Sequence[str], header: Sequence[str] | None) -> Values:
        """A row of CSV under its header."""
        if header is None:
            return self.listed(cells)
        if len(cells) != len(header):
            problem = f"{counted(len(cells), 'cell')}, the header has {len(header)}"
            raise BadEventError(problem, hint=separator_hint(cells, width=len(header)))
        return self.named(dict(zip(header, cells, strict=True)))

    def named(self, fields: Mapping[str, Any]) -> Values:
        """An event whose values have names."""
        if self.key is not None and self.key not in fields:
            raise BadEventError(missing_name("column", self.key, fields))
        columns = self.columns
        if columns is None:
            columns = [name for name in fields if name != self.key]
            self._check_width(columns, "feature")
        for wanted in columns:
            if wanted not in fields:
                raise BadEventError(missing_name("column", wanted, fields))
        values = [_number(fields[name], name) for name in columns]
        key = self._key_of(fields)
        self.columns, self.width = columns, len(columns)
        return values, key

    def listed(self, values: Sequence[Any]) -> Values:
        """An event whose values have no names."""
        if self.key is not None:
            raise BadEventError(f"no column {self.key!r}: key= needs a header or objects")
        self._check_width(values, "value")
        numbers = [_number(value, place) for place, value in enumerate(values, start=1)]
        self.width = len(numbers)
        return numbers, None

    def _key_of(self, fields: Mapping[str, Any]) -> str | None:
        if self.key is None:
            return None
        value = fields.get(self.key)
        if value is None or value == "":
            raise BadEventError("the key is missing", self.key)
        if isinstance(value, (bool, float, list, dict)):
            raise BadEventError("a key is text or a whole number", self.key)
        key = str(value)
        if not key.isascii() and any("\ud800" <= letter <= "\udfff" for letter in key):
            raise BadEventError("half a character is no text", self.key)
        return key

    def _check_width(self, found: Sequence[Any], what: str) -> None:
        if self.width is not None and len(found) != self.width:
            hint = separator_hint([each for each in found if isinstance(each, str)])
            raise BadEventError(f"{counted(len(found), what)}, wanted {self.width}", hint=hint)


def _number(value: Any, column: str | int) -> float:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadEventError("the value is missing", column)
    shown = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    if isinstance(value, (bool, list, dict)):
        raise BadEventError(f"{shown[:200]} is not a number", column)
    if isinstance(value, str) and not is_number(value):
        raise BadEventError(f"{shown[:200]} is not a number", column, separator_hint([value]))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadEventError(f"{shown[:40]} is not a finite number", column)
    if abs(number) > LARGEST:
        raise BadEventError(f"{shown[:200]} does not fit a 32-bit float", column)
    return number
