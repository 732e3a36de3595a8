"""Docstrings as Markdown: examples, equations and tables become blocks of code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import griffe

__all__ = ["Docstrings", "as_markdown"]

_RULE = re.compile(r"=+( +=+)+")  # the lines of a reStructuredText table


class Docstrings(griffe.Extension):
    """Rewrites every docstring before the pages are made of them."""

    def on_object(self, *, obj: griffe.Object, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(inspect.cleandoc(obj.docstring.value))


def as_markdown(text: str) -> str:
    """A docstring with its examples and tables fenced, and without the colons of literal blocks.

    >>> as_markdown("Doubles::").splitlines()
    ['Doubles:']
    >>> as_markdown(">>> 2 * 3").splitlines()
    ['```pycon', '>>> 2 * 3', '```']
    """
    lines = [_without_colons(line) for line in text.splitlines()]
    written: list[str] = []
    k = 0
    while k < len(lines):
        block, kind = _block(lines, k)
        if not block:
            written.append(lines[k])
            k += 1
            continue
        margin = " " * (len(lines[k]) - len(lines[k].lstrip()))
        written += [f"{margin}```{kind}", *block, f"{margin}```"]
        k += len(block)
    return "\n".join(written)


def _without_colons(line: str) -> str:
    if line.strip() == "::":
        return ""
    return line[:-1] if line.endswith("::") else line


def _block(lines: list[str], k: int) -> tuple[list[str], str]:
    """The example or table that starts at a line, and its language; none, if none does."""
    start = lines[k].strip()
    if start.startswith(">>>"):
        end = k
        while end < len(lines) and lines[end].strip():
            end += 1
        return lines[k:end], "pycon"
    if _RULE.fullmatch(start):
        rules = [n for n in range(k, len(lines)) if _RULE.fullmatch(lines[n].strip())][:3]
        return lines[k : rules[-1] + 1], "text"
    return [], ""
