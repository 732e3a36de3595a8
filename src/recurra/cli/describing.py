"""A model on a page of text, for `recurra inspect`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.cli.console import console
from recurra.data.words import listed
from recurra.streaming import Model

__all__ = ["describe", "notes_page"]

_LABEL = 12  # characters, as on the model's own page


def describe(path: Path, model: Model) -> None:
    """Print what the model is and what was noted when it was saved."""
    console.print(str(path), style="bold", markup=False, soft_wrap=True)
    pages = [model.describe(), notes_page(model.notes, console.width)]
    for page in filter(None, pages):
        console.print(f"\n{page}", markup=False, soft_wrap=True)


def notes_page(notes: Mapping[str, Any], width: int) -> str:
    """Notes as lines of label and value.

    >>> print(notes_page({"target": "speaker", "score": {"accuracy": 0.9729}}, 80))
    noted
    <BLANKLINE>
        target       speaker
        score        accuracy 0.9729
    """
    if not notes:
        return ""
    margin = " " * 4
    lines = [
        textwrap.fill(
            f"{listed([name]):<{_LABEL}} {_value(value)}",
            max(width, 40),
            initial_indent=margin,
            subsequent_indent=margin + " " * (_LABEL + 1),
        )
        for name, value in notes.items()
    ]
    return "\n".join(["noted", "", *lines])


def _value(value: Any) -> str:
    """A note in words. Files come from anywhere, so nothing in it may steer the terminal."""
    if isinstance(value, str):
        return listed([value])
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return listed([_value(part) for part in value])
    if isinstance(value, dict):
        return ", ".join(f"{listed([name])} {_value(part)}" for name, part in value.items())
    return json.dumps(value)
