"""The two questions that need a state: "the same as before?" and "seen at all?"."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.draw import Length, Seed, at_least, draw_lengths, generator, one_hot
from recurra.training.tasks.rules import BinarySteps
from recurra.training.tasks.task import Task

__all__ = ["repeats", "seen"]

Symbols = npt.NDArray[np.int64]

_SOURCE = "No paper: the smallest questions that no layer without a state can answer."


def repeats(
    count: int,
    length: Length = 32,
    symbols: int = 10,
    *,
    repeat_probability: float = 0.5,
    seed: Seed = 0,
) -> Task:
    """Is this symbol equal to the one before it?

    The answer at a step is 1 when its symbol equals the one before, else 0; at the first step it
    is 0. Symbols are one-hot. Each one repeats its predecessor with ``repeat_probability`` and is
    otherwise uniform over the others, so half of the answers are 1 by default. Independent
    uniform symbols, as a stream might bring, are ``repeat_probability=1 / symbols``: with ten
    symbols 90 % of the answers are then 0, and a constant answer looks good.

    Input (time, symbols), target (time, 1), loss "bce". An output above 0 says 1, so that both
    logits and the 0 and 1 of a hand-set cell are read right.

    Score: ``solved``, the fraction of sequences with every step right; ``accuracy``, that of steps.
    Baseline: the best constant answer. With r the expected share of ones, p (L - 1) / L, its
    accuracy is max(r, 1 - r) and its loss the entropy of r.

    Args:
        count: sequences.
        length: steps, or (shortest, longest) to draw from.
        symbols: size of the alphabet, at least 2.
        repeat_probability: chance that a symbol equals the one before it.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: no paper; one of the smallest questions that no layer without a state can answer.

    >>> from recurra.training import tasks
    >>> task = tasks.repeats(100, length=8, symbols=4, seed=3)
    >>> task.inputs[0].argmax(axis=1).tolist()
    [1, 1, 1, 1, 2, 2, 2, 0]
    >>> task.targets[0][:, 0].tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    >>> task.baseline["accuracy"]
    0.5625
    """
    at_least("repeats", "symbols", symbols, 2)
    if not 0.0 <= repeat_probability <= 1.0:
        raise ValueError(
            f"repeats: repeat_probability is {repeat_probability}, expected one in [0, 1]."
        )
    rng = generator(seed)
    lengths = draw_lengths("repeats", count, length, rng)
    rows = [_repeating(n, symbols, repeat_probability, rng) for n in lengths]
    answers = [np.concatenate([[False], row[1:] == row[:-1]]) for row in rows]
    ones = repeat_probability * sum(int(n) - 1 for n in lengths)
    # The first answer is 0, so "always 1" never gets a whole sequence right.
    zeros_only = [(1.0 - repeat_probability) ** (int(n) - 1) for n in lengths]
    return _yes_or_no("repeats", symbols, rows, answers, ones, zeros_only)


def seen(count: int, length: Length = 32, symbols: int = 10, *, seed: Seed = 0) -> Task:
    """Has this symbol been seen at all so far in this sequence?

    The answer at a step is 1 when its symbol has come at any earlier step, else 0. Symbols are
    one-hot, independent and uniform. Zeros are spent as the alphabet is: of L answers,
    n (1 - (1 - 1/n)^L) are expected to be 0, with n = ``symbols``; that is 9.7 of 32 by default,
    and a falling share the longer the sequence. A larger alphabet brings more zeros.

    Input (time, symbols), target (time, 1), loss "bce". An output above 0 says 1.

    Score: ``solved``, the fraction of sequences with every step right; ``accuracy``, that of steps.
    Baseline: the best constant answer, from the share above.

    Args:
        count: sequences.
        length: steps, or (shortest, longest) to draw from.
        symbols: size of the alphabet, at least 2.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: no paper; one of the smallest questions that no layer without a state can answer.

    >>> from recurra.training import tasks
    >>> task = tasks.seen(100, length=8, symbols=4, seed=3)
    >>> task.inputs[0].argmax(axis=1).tolist()
    [3, 0, 0, 0, 0, 3, 3, 2]
    >>> task.targets[0][:, 0].tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    at_least("seen", "symbols", symbols, 2)
    rng = generator(seed)
    lengths = draw_lengths("seen", count, length, rng)
    rows = [rng.integers(symbols, size=n) for n in lengths]
    answers = [_come_before(row) for row in rows]
    ones = sum(n - symbols * (1.0 - (1.0 - 1.0 / symbols) ** n) for n in lengths.tolist())
    zeros_only = [math.perm(symbols, n) / symbols**n for n in lengths.tolist()]
    return _yes_or_no("seen", symbols, rows, answers, ones, zeros_only)


def _repeating(length: int, symbols: int, chance: float, rng: np.random.Generator) -> Symbols:
    # A change is a step of 1 to symbols - 1 around the alphabet: never 0, the others alike.
    steps = rng.integers(1, symbols, size=length)
    steps[rng.random(length) < chance] = 0
    steps[0] = rng.integers(symbols)
    return np.cumsum(steps) % symbols


def _come_before(row: Symbols) -> npt.NDArray[np.bool_]:
    before = np.ones(len(row), dtype=np.bool_)
    before[np.unique(row, return_index=True)[1]] = False
    return before


def _yes_or_no(
    name: str,
    symbols: int,
    rows: Sequence[Symbols],
    answers: Sequence[npt.NDArray[np.bool_]],
    expected_ones: float,
    solved_by_zeros: Sequence[float],
) -> Task:
    steps = sum(len(row) for row in rows)
    return Task(
        name=name,
        inputs=[one_hot(row, symbols) for row in rows],
        targets=[answer.astype(np.float32)[:, None] for answer in answers],
        kind="steps",
        loss="bce",
        input_size=symbols,
        output_size=1,
        source=_SOURCE,
        rule=BinarySteps(),
        baseline=_constant_answer(expected_ones / steps, solved_by_zeros) if steps else {},
    )


def _constant_answer(share: float, solved_by_zeros: Sequence[float]) -> dict[str, float]:
    entropy = -sum(p * math.log(p) for p in (share, 1.0 - share) if p > 0.0)
    zeros = sum(solved_by_zeros) / len(solved_by_zeros)
    return {
        "solved": zeros if share <= 0.5 else 0.0,
        "accuracy": max(share, 1.0 - share),
        "loss": entropy,
    }
