"""The fourth act: three cells learn the two questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from recurra.cells import GRU, LSTM, Elman
from recurra.layers import Recurrent, Stack
from recurra.training import History, fit, tasks

__all__ = ["SYMBOLS", "Trained", "train_all"]

SYMBOLS = 10
LESSONS = (4, 8, 16, 32)  # lengths: short sequences first, since a long lag is found in small steps


Job = tuple[str, str]  # question, cell


class Recipe(NamedTuple):
    """A cell, how fast it may learn, and how much it is shown."""

    make: Callable[[], Elman | LSTM | GRU]
    learning_rate: float
    sequences: int  # a lesson
    epochs: int  # a lesson


# An Elman cell holds on to a symbol only through its weights, so it starts where they keep
# everything (the identity) and needs more examples; to forget at once, it starts at random.
RECIPES: dict[Job, Recipe] = {
    ("repeats", "Elman"): Recipe(lambda: Elman(SYMBOLS, 32), 0.01, 2400, 6),
    ("repeats", "LSTM"): Recipe(lambda: LSTM(SYMBOLS, 32), 0.02, 1600, 5),
    ("repeats", "GRU"): Recipe(lambda: GRU(SYMBOLS, 32), 0.02, 1600, 5),
    ("seen", "Elman"): Recipe(lambda: Elman(SYMBOLS, 64, identity_start=True), 0.005, 6400, 8),
    ("seen", "LSTM"): Recipe(lambda: LSTM(SYMBOLS, 32), 0.02, 3200, 6),
    ("seen", "GRU"): Recipe(lambda: GRU(SYMBOLS, 32), 0.02, 3200, 6),
}


class Trained(NamedTuple):
    """A model that has learned a question."""

    question: str
    cell: str
    model: Stack
    seconds: float


def train_all(
    console: Console, seed: int, scale: float, jobs: Iterable[Job] = tuple(RECIPES)
) -> list[Trained]:
    """Every cell on every question, with one bar for each.

    Args:
        console: where the bars are drawn, if it is a terminal.
        seed: of weights and sequences.
        scale: shrinks the number of sequences.
        jobs: which cells on which questions.

    Raises:
        KeyboardInterrupt: Ctrl-C during a training.
    """
    columns = (
        TextColumn("{task.description:13}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:6}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        return [_train(bars, *job, seed, scale) for job in jobs]


def _train(bars: Progress, question: str, cell: str, seed: int, scale: float) -> Trained:
    recipe = RECIPES[question, cell]
    torch.manual_seed(seed)
    memory = recipe.make()
    model = Stack(Recurrent(memory), nn.Linear(memory.hidden_size, 1))
    bar = bars.add_task(f"{question} {cell}", total=len(LESSONS) * recipe.epochs, loss="")
    started = time.perf_counter()

    def show(history: History) -> None:
        bars.update(bar, advance=1, loss=f"{history.train_loss[-1]:.4f}")

    for length in LESSONS:
        draw = getattr(tasks, question)
        lesson = draw(
            max(64, int(recipe.sequences * scale)), length, SYMBOLS, seed=1000 * seed + length
        )
        history = fit(
            model,
            lesson.pairs(),
            lesson.loss,
            epochs=recipe.epochs,
            batch_size=64,
            learning_rate=recipe.learning_rate,
            schedule=lambda optimizer: OneCycleLR(
                optimizer, recipe.learning_rate, total_steps=recipe.epochs + 1
            ),
            seed=seed,
            progress=show,
        )
        if history.stopped == "interrupt":
            raise KeyboardInterrupt
    return Trained(question, cell, model, time.perf_counter() - started)
