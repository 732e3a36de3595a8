"""Values and names that something else than a comma separates."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

__all__ = ["are_numbers", "is_number", "separator_hint"]

_MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_BETWEEN = re.compile(r"\s*[;|\t]\s*|\s+")


def is_number(text: str) -> bool:
    """Is it written as a number? Python's 1_000 is not one here."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def are_numbers(text: str) -> bool:
    """Are several numbers written here, with something else than a comma between them?

    >>> are_numbers("1; 0"), are_numbers("1"), are_numbers("x;y")
    (True, False, False)
    """
    parts = _BETWEEN.split(text.strip())
    return len(parts) > 1 and all(is_number(part) for part in parts)


def separator_hint(
    cells: Sequence[str], names: Collection[str] = (), width: int | None = None
) -> str:
    """A sentence to end a message with, if something else than commas separates a line; or "".

    Args:
        cells: of the line.
        names: that its header should hold.
        width: how many values or names it should hold.

    >>> separator_hint(["1 0 0"]), separator_hint(["speed of wind"])
    (' Separate values with commas, not spaces.', '')
    """
    for cell in cells:
        parts = _BETWEEN.split(cell.strip())
        if len(parts) == 1:
            continue
        mark = next((name for sign, name in _MARKS.items() if sign in cell), "spaces")
        alone = len(cells) == 1 and (
            mark != "spaces" or len(parts) == width or not {*names}.isdisjoint(parts)
        )
        if alone or are_numbers(cell):
            return f" Separate values with commas, not {mark}."
    return ""
