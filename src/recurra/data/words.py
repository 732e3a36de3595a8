"""Phrases that several messages share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


def same_letters(name: str) -> str:
    """A column's name with accents joined to their letters: as it looks, so it compares (NFC).

    >>> same_letters("e\N{COMBINING ACUTE ACCENT}") == "\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    """
    return unicodedata.normalize("NFC", name)


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for a sentence, shortened when there are many.

    >>> listed(["a", "b"]), listed("abcd", most=2)
    ('a, b', 'a, b and 2 more')
    """
    names = [name if name.isprintable() else repr(name) for name in names]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "step"), counted(2, "class")
    ('1 step', '2 classes')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}es" if noun.endswith("s") else f"{number} {noun}s"


def missing_name(what: str, name: str, known: Iterable[str]) -> str:
    """That a name is unknown, which are known, and the nearest of them.

    >>> print(missing_name("column", "tme", ["time", "x"]))
    there is no column 'tme'. Did you mean 'time'? There are: time, x.
    """
    known = list(known)
    near = get_close_matches(name.casefold(), [each.casefold() for each in known], n=1)
    originals = {each.casefold(): each for each in known}
    guess = f" Did you mean {originals[near[0]]!r}?" if near else ""
    return f"there is no {what} {name!r}.{guess} There are: {listed(known, most=30)}."
