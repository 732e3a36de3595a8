"""The fifth act: the trained cells run as live streams, read back from their files."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from recurra.cli.demo.learning import SYMBOLS, Trained
from recurra.streaming import Model, load, save
from recurra.training import tasks
from recurra.training.tasks import Task

__all__ = ["Streamed", "save_all", "stream_all"]


NOTES = {
    "features": [f"is {digit}" for digit in range(SYMBOLS)],
    "answers": "a number a step: above 0 says yes, below 0 says no",
}


class Streamed(NamedTuple):
    """What a stream of events came to."""

    trained: Trained
    sequences: int
    events: int
    wrong: int
    microseconds: float  # an event

    @property
    def right(self) -> float:
        """The share of right answers."""
        return 1 - self.wrong / self.events


def save_all(models: Iterable[Trained], folder: Path) -> dict[Path, Trained]:
    """Each model in a file of its own."""
    files = {}
    for trained in models:
        path = folder / f"{trained.question}-{trained.cell.lower()}.recurra"
        save(trained.model, path, notes=NOTES | {"question": trained.question})
        files[path] = trained
    return files


def stream_all(
    console: Console, files: dict[Path, Trained], seed: int, scale: float
) -> list[Streamed]:
    """Step every saved model through symbols it has never seen, one at a time."""
    repeats = tasks.repeats(1, length=int(100_000 * scale), symbols=SYMBOLS, seed=seed + 1)
    seen = tasks.seen(int(500 * scale), length=32, symbols=SYMBOLS, seed=seed + 1)
    fresh = {"repeats": repeats, "seen": seen}
    return [
        _stream(load(path), trained, fresh[trained.question])
        for path, trained in track(
            files.items(),
            "Streaming",
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    ]


def _stream(model: Model, trained: Trained, task: Task) -> Streamed:
    """Every sequence from H_0, its state carried step by step to its end."""
    stream, wrong, events = model.stream(), 0, 0
    started = time.perf_counter()
    for x, wanted in task.pairs():
        stream.reset()
        answers = np.array([stream.step(event)[0] for event in x])
        wrong += int(((answers > 0) != (wanted[:, 0] > 0)).sum())
        events += len(x)
    return Streamed(
        trained, len(task), events, wrong, 1e6 * (time.perf_counter() - started) / events
    )
