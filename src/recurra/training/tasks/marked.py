"""Two marked values far apart, to be added or multiplied at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.draw import Seed, at_least, generator
from recurra.training.tasks.rules import ValueLast
from recurra.training.tasks.task import Floats, Task

__all__ = ["adding", "multiplication"]

_TOLERANCE = 0.04
_LSTM_PAPER = "Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8)"
_URNN_PAPER = (
    "Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent neural networks, ICML "
    "(arXiv:1511.06464), section 5.2"
)


@dataclass(frozen=True)
class _Marked:
    """What the 1997 paper's sum and product differ in."""

    name: str
    experiment: int
    low: float  # values are uniform in [low, 1]
    neutral: float  # stands in for a marked first value, whose mark cannot be seen
    answer: Callable[[float, float], float]


_SUM = _Marked("adding", 4, -1.0, 0.0, lambda a, b: 0.5 + (a + b) / 4.0)
_PRODUCT = _Marked("multiplication", 5, 0.0, 1.0, lambda a, b: a * b)


def adding(
    count: int,
    length: int = 100,
    *,
    variant: Literal["hochreiter1997", "arjovsky2016"] = "hochreiter1997",
    seed: Seed = 0,
) -> Task:
    """Add the two marked values of a long sequence.

    "hochreiter1997" (experiment 4): each step is a pair (value, mark), values uniform in [-1, 1].
    The sequence has between T and T + T/10 steps, both included. One of the first ten pairs is
    marked with 1, then one of the first T/2 - 1 still unmarked ones; the first and the last pair
    bear the mark -1, all others 0. The target is 0.5 + (X1 + X2) / 4, in [0, 1]. Where the first
    pair is one of the marked, its mark stays -1 and its value counts as 0.

    "arjovsky2016": exactly T steps, values uniform in [0, 1], one mark in the first half of the
    steps, one in the second, no -1, and the target is X1 + X2, in [0, 2]. Much later work uses it.

    Input (time, 2), target (1,), loss "mse", scored after the last step.

    Score: ``solved``, the fraction of sequences with an absolute error below 0.04 (the 1997
    paper's rule; the 2016 paper only looks at the loss); ``error``, the mean absolute error.
    Baseline: the constant mean, 0.5 or 1. Unless the first pair is marked, its loss is 1/24 or
    1/6 (the paper's 0.167) and it solves 15.4 % or 7.8 %.

    Args:
        count: sequences.
        length: T, at least 20 in 1997's form (its first ten and first half must fit), else 2.
        variant: whose definition.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Hochreiter & Schmidhuber 1997, section 5.4; Arjovsky, Shah & Bengio 2016, section 5.2.

    >>> from recurra.training import tasks
    >>> x, y = tasks.adding(1, length=20, seed=2).pairs()[0]
    >>> marked = x[:, 1] == 1
    >>> bool(abs(0.5 + x[marked, 0].sum() / 4 - y[0]) < 1e-6)
    True
    """
    if variant == "hochreiter1997":
        return _marked_pairs(_SUM, count, length, generator(seed), _adding_baseline)
    if variant == "arjovsky2016":
        return _adding_halves(count, length, generator(seed))
    raise ValueError(
        f"adding: variant is {variant!r}, expected 'hochreiter1997' or 'arjovsky2016'."
    )


def multiplication(count: int, length: int = 100, *, seed: Seed = 0) -> Task:
    """Multiply the two marked values of a long sequence.

    As `adding` in its 1997 form, but values are uniform in [0, 1] and the target is X1 · X2.
    Where the first pair is one of the marked, its mark stays -1 and its value counts as 1.

    Input (time, 2), target (1,), loss "mse", scored after the last step.

    Score: ``solved``, the fraction of sequences with an absolute error below 0.04; ``error``, the
    mean absolute error. Baseline: the constant mean. Unless the first pair is marked, that is
    1/4, with a loss of 7/144.

    Args:
        count: sequences.
        length: T, at least 20; sequences have T to T + T/10 steps.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Hochreiter & Schmidhuber 1997, experiment 5 (section 5.5).

    >>> from recurra.training import tasks
    >>> x, y = tasks.multiplication(1, length=20, seed=2).pairs()[0]
    >>> marked = x[:, 1] == 1
    >>> bool(abs(x[marked, 0].prod() - y[0]) < 1e-6)
    True
    """
    return _marked_pairs(_PRODUCT, count, length, generator(seed), _multiplication_baseline)


def _marked_pairs(
    task: _Marked,
    count: int,
    length: int,
    rng: np.random.Generator,
    baseline: Callable[[float], dict[str, float]],
) -> Task:
    at_least(task.name, "count", count, 0)
    at_least(task.name, "length", length, 20)
    drawn = [_marked_pair(task, length, rng) for _ in range(count)]
    # The first draw hits the first pair once in ten; else the second may, among length//2 - 1.
    first_marked = 0.1 + 0.9 / (length // 2 - 1)
    source = f"{_LSTM_PAPER}, experiment {task.experiment} (section 5.{task.experiment})"
    return _value_task(task.name, drawn, source, baseline(first_marked))


def _marked_pair(
    task: _Marked, length: int, rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.float32]]:
    steps = int(rng.integers(length, length + length // 10, endpoint=True))
    x = np.zeros((steps, 2), dtype=np.float32)
    x[:, 0] = rng.uniform(task.low, 1.0, size=steps)
    first = int(rng.integers(10))
    second = int(rng.integers(length // 2 - 1))
    second += second >= first  # counts the still unmarked pairs only
    x[[first, second], 1] = 1.0
    x[[0, -1], 1] = -1.0
    values = [float(x[at, 0]) if at else task.neutral for at in (first, second)]
    return x, np.array([task.answer(*values)], dtype=np.float32)


def _adding_halves(count: int, length: int, rng: np.random.Generator) -> Task:
    at_least("adding", "count", count, 0)
    at_least("adding", "length", length, 2)
    drawn = []
    for _ in range(count):
        x = np.zeros((length, 2), dtype=np.float32)
        x[:, 0] = rng.random(length)
        marks = [int(rng.integers(length // 2)), int(rng.integers(length // 2, length))]
        x[marks, 1] = 1.0
        drawn.append((x, np.array([float(x[marks, 0].sum())], dtype=np.float32)))
    # X1 + X2 is triangular on [0, 2].
    baseline = {"solved": 1.0 - (1.0 - _TOLERANCE) ** 2, "error": 1.0 / 3.0, "loss": 1.0 / 6.0}
    return _value_task("adding", drawn, _URNN_PAPER, baseline)


def _value_task(
    name: str,
    drawn: list[tuple[Floats, npt.NDArray[np.float32]]],
    source: str,
    baseline: dict[str, float],
) -> Task:
    return Task(
        name=name,
        inputs=[x for x, _ in drawn],
        targets=[y for _, y in drawn],
        kind="last",
        loss="mse",
        input_size=2,
        output_size=1,
        source=source,
        rule=ValueLast(_TOLERANCE),
        baseline=baseline,
    )


def _adding_baseline(first_marked: float) -> dict[str, float]:
    """The constant 0.5, off by |X1 + X2| / 4, or by |X| / 4 where the first pair is marked."""
    width = 4.0 * _TOLERANCE
    return {
        # X1 + X2 is triangular on [-2, 2]: P(|X1 + X2| < w) = w - w²/4.
        "solved": _mix(first_marked, width - width**2 / 4.0, width),
        "error": _mix(first_marked, 1.0 / 6.0, 1.0 / 8.0),
        "loss": _mix(first_marked, 1.0 / 24.0, 1.0 / 48.0),
    }


def _multiplication_baseline(first_marked: float) -> dict[str, float]:
    """The constant mean m of X1 · X2, or of X where the first pair is marked."""
    mean = _mix(first_marked, 1.0 / 4.0, 1.0 / 2.0)
    second_moment = _mix(first_marked, 1.0 / 9.0, 1.0 / 3.0)

    def below(z: float) -> float:  # P(X1 · X2 < z)
        return z - z * math.log(z)

    # E|P - m| = 2 ∫ P(P < z) dz from 0 to m, as m is the mean of the mixture P.
    area = _mix(first_marked, 0.75 * mean**2 - 0.5 * mean**2 * math.log(mean), 0.5 * mean**2)
    between = below(mean + _TOLERANCE) - below(mean - _TOLERANCE)
    return {
        "solved": _mix(first_marked, between, 2.0 * _TOLERANCE),
        "error": 2.0 * area,
        "loss": second_moment - mean**2,
    }


def _mix(first_marked: float, otherwise: float, then: float) -> float:
    return (1.0 - first_marked) * otherwise + first_marked * then
