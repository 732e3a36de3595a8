"""The picture of `recurra inspect`: inputs, states, gates and answers of one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.answers import probabilities
from recurra.cli.console import console
from recurra.cli.inputs import Chosen
from recurra.cli.notes import Notes
from recurra.data.words import counted
from recurra.errors import DataError

__all__ = ["check_picture", "draw"]

Array = NDArray[Any]

MOST_CLASSES = 16


def check_picture(path: Path) -> None:
    """Fail before the work, not after.

    Raises:
        DataError: no picture can be written there.
        MissingExtraError: matplotlib is not installed.
    """
    from recurra.drawing import check_format

    check_format(path)
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}. Make it first.")


def draw(model: Path, notes: Notes, chosen: Chosen, picture: Path) -> None:
    """Run the model on a sequence, draw what happened inside, and say where."""
    from recurra.drawing import heat_maps, record, save_figure
    from recurra.streaming import load

    layers = load(model, torch=True)
    try:
        recording = record(layers, chosen.x if layers.event_dims else _indices(chosen.x))
    except IndexError as error:
        raise DataError("--input: holds an index that the model does not have.") from error
    steps = counted(len(chosen.x), "step")
    panels = {"input": _side_by_side(chosen.x)}
    panels |= {f"state {name}": slot for name, slot in recording.states.items()}
    panels |= {f"gate {name}": gate for name, gate in recording.gates.items()}
    rows: dict[str, Sequence[str]] = {}
    if notes.features is not None:
        rows["input"] = notes.features
    answers: Array | None = recording.y
    if notes.classes is not None:
        shares, names = _likeliest(probabilities(recording.y), notes.classes)
        panels["probability"], rows["probability"] = shares, names
        answers = None
    name = f", sequence {chosen.name}" if chosen.name else ""
    figure = heat_maps(
        panels,
        answers=answers,
        answer_names=notes.targets or (),
        row_names=rows,
        title=f"{model.name} on {steps}{name}",
    )
    save_figure(figure, picture)
    others = f", one of {chosen.others + 1} sequences" if chosen.others else ""
    console.print(f"\nDrawn: {picture} ({steps}{name}{others})", markup=False, soft_wrap=True)


def _likeliest(shares: Array, classes: Sequence[str]) -> tuple[Array, Sequence[str]]:
    """The classes that come nearest to certainty, where there are too many to name them all."""
    if len(classes) <= MOST_CLASSES:
        return shares, classes
    best = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[:MOST_CLASSES])
    return shares[:, best], [classes[k] for k in best]


def _indices(x: Array) -> Array:
    """(time, 1) numbers as (time,) indices, where that is what they are."""
    indices = x[:, 0].astype(np.int64)
    if x.shape[1] != 1 or (indices != x[:, 0]).any() or indices.min() < 0:
        raise DataError("--input: the model takes one index (0, 1, 2, ...) a step.")
    return indices


def _side_by_side(x: Array) -> Array:
    """Features brought to one scale, so that the large ones do not hide the others."""
    spread = x.std(axis=0)
    scaled: Array = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled
