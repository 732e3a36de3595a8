"""The picture: what each trained cell holds in its state while it reads a sequence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recurra.cli.demo.learning import SYMBOLS, Trained
from recurra.drawing import heat_maps, record, save_figure
from recurra.training import tasks

__all__ = ["draw_states"]


def draw_states(models: Iterable[Trained], path: Path, seed: int) -> Path:
    """The states of several cells over one new sequence of `seen`, and their answers under them."""
    task = tasks.seen(1, length=32, symbols=SYMBOLS, seed=seed + 2)
    x, wanted = task.pairs()[0]
    panels, answers, names = {}, [], []
    for trained in models:
        recording = record(trained.model, x)
        for slot, values in recording.states.items():
            panels[f"{trained.cell} {slot.rpartition('.')[2]}"] = values
        answers.append(1 / (1 + np.exp(-recording.y)))
        names.append(trained.cell)
    figure = heat_maps(
        panels,
        answers=np.concatenate(answers, axis=1),
        wanted=wanted,
        answer_names=names,
        steps=[str(digit) for digit in x.argmax(axis=1)],
        title="Seen before? The states while reading 32 digits, and the answers",
    )
    return save_figure(figure, path)
