"""What `recurra train` keeps with a model for the other commands, read without trusting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recurra.data import Kind

__all__ = ["MEANINGS", "Notes", "Task", "read_notes"]

Task = Kind | str  # a kind of table, or "forecast"

MEANINGS: dict[str, str] = {
    "classify_sequences": "the class of the sequence, judged by its steps so far",
    "tag_steps": "the class of each step",
    "regress_sequences": "the number of the sequence, judged by its steps so far",
    "regress_steps": "the number of each step",
    "forecast": "the next step's value",
}


@dataclass(frozen=True)
class Notes:
    """The notes that commands make use of; what is missing or unfit is None."""

    features: tuple[str, ...] | None = None  # (feature,)
    classes: tuple[str, ...] | None = None  # (output,)  the answers are then logits
    targets: tuple[str, ...] | None = None  # (output,)  where the answers are numbers
    sequence: str | None = None  # the column that told sequences apart
    time: str | None = None  # the column that ordered the steps


def read_notes(notes: Mapping[str, Any], input_size: int | None, output_size: int | None) -> Notes:
    """The notes of a model of these sizes.

    Anybody can write notes, so names count only where there is one for each feature or answer.

    >>> read_notes({"features": ["x", "y"], "classes": "ab"}, input_size=2, output_size=2).features
    ('x', 'y')
    """
    sequence, time = notes.get("sequence"), notes.get("time")
    return Notes(
        features=_names(notes.get("features"), input_size),
        classes=_names(notes.get("classes"), output_size),
        targets=_names([notes.get("target")], output_size),
        sequence=sequence if isinstance(sequence, str) else None,
        time=time if isinstance(time, str) else None,
    )


def _names(value: Any, count: int | None) -> tuple[str, ...] | None:
    fits = (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == count
    )
    return tuple(value) if fits else None
