"""From a problem to a trained model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.problems.problem import Problem
from recurra.cli.problems.scoring import Score, score
from recurra.data.words import counted

__all__ = ["Learned", "Settings", "learn"]

MOST_EPOCHS, FEWEST_EPOCHS = 80, 10
SMALL = 256  # units up to which a step is too short to be worth dividing among threads
STEPS = 2_000_000  # to train on in all, unless that were too few or too many epochs


@dataclass(frozen=True)
class Settings:
    """What the user chose."""

    cell: str
    hidden: int
    layers: int
    epochs: int | None
    seed: int

    def describe(self, problem: Problem) -> str:
        """The model to be trained and how, in words."""
        cell = "Elman" if self.cell == "elman" else self.cell.upper()
        layers = f"{counted(self.layers, 'layer')} of " if self.layers > 1 else ""
        units, epochs = counted(self.hidden, "unit"), counted(self.epochs_for(problem), "epoch")
        return f"{cell}, {layers}{units}, {epochs}, seed {self.seed}"

    def epochs_for(self, problem: Problem) -> int:
        """The epochs chosen, or as many as the amount of data suggests."""
        if self.epochs is not None:
            return self.epochs
        return min(MOST_EPOCHS, max(FEWEST_EPOCHS, STEPS // problem.train.steps))


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained model and how it did."""

    model: Any  # a recurra.Stack
    classes: NDArray[Any] | None  # the code of each output
    seconds: float
    score: Score


def learn(problem: Problem, settings: Settings) -> Learned:
    """Train on the one part, judge by the other.

    Raises:
        KeyboardInterrupt: Ctrl-C during the training.
        TrainingError: the loss is not a number.
    """
    import torch

    if settings.hidden <= SMALL:
        torch.set_num_threads(1)
    estimator = _estimator(problem, settings)
    _fit(estimator, problem)
    classes = np.asarray(estimator.classes_) if problem.classes else None
    return Learned(
        model=estimator.model_,
        classes=classes,
        seconds=sum(estimator.history_.seconds),
        score=score(problem, _predict(estimator, problem)),
    )


def _estimator(problem: Problem, settings: Settings) -> Any:
    from recurra import training

    kinds: dict[str, Any] = {
        "classify_sequences": training.SequenceClassifier,
        "tag_steps": training.SequenceTagger,
        "regress_sequences": training.SequenceRegressor,
        "regress_steps": training.SequenceRegressor,
        "forecast": training.Forecaster,
    }
    return kinds[problem.task](
        cell=settings.cell,
        hidden_size=settings.hidden,
        layers=settings.layers,
        epochs=settings.epochs_for(problem),
        batch_size=_batch_size(len(problem.train.sequences)),
        random_state=settings.seed,
        progress=sys.stderr.isatty(),
        **problem.settings,
    )


def _batch_size(sequences: int) -> int:
    """The usual 32, but less where few sequences would make an epoch of a step or two."""
    return min(32, max(4, sequences // 8))


def _fit(estimator: Any, problem: Problem) -> None:
    if problem.task == "forecast":
        estimator.fit(list(problem.train.sequences))
    else:
        estimator.fit(list(problem.train.sequences), list(problem.train.targets))


def _predict(estimator: Any, problem: Problem) -> Any:
    """What it says of the test part: one answer a sequence, or (time,) a sequence."""
    if problem.task == "forecast":
        return [y[:, 0] for y in estimator.predict_each(list(problem.test.sequences))]
    return estimator.predict(list(problem.test.sequences))
