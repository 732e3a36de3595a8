"""How good a model is on the held-out part, beside the plainest way to answer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.cli.problems.problem import Problem
from recurra.data.words import counted

__all__ = ["Score", "score"]

Array = NDArray[Any]


class Score(NamedTuple):
    """A sentence for people and the numbers in it."""

    sentence: str
    numbers: dict[str, float]


def score(problem: Problem, answers: Any) -> Score:
    """Judge answers to the test part.

    Args:
        problem: what was to be learned.
        answers: of the model, in the form of the test part's targets: classes by their code, or
            numbers.
    """
    start = problem.test.judged_from
    wanted = _joined(problem, problem.test.targets, start)
    given = _joined(problem, answers, start)
    if problem.classes:
        return _accuracy(problem, given, wanted)
    if problem.task == "forecast":
        before = np.concatenate([x[start:, 0] for x in problem.test.sequences])
        return _beside_last_value(given, wanted, before.astype(np.float64))
    return _errors(problem, given.astype(np.float64), wanted)


def _joined(problem: Problem, targets: Any, start: int = 0) -> Array:
    if problem.per_step:
        return np.concatenate([y[start:] for y in targets])
    return np.asarray(targets)


def _accuracy(problem: Problem, given: Array, wanted: Array) -> Score:
    learned = _joined(problem, problem.train.targets)
    codes, counts = np.unique(learned, return_counts=True)
    right = float(np.mean(given == wanted))
    plain = float(np.mean(wanted == codes[counts.argmax()]))
    what = "step" if problem.task == "tag_steps" else "sequence"
    return Score(
        f"{right:.1%} of {counted(len(wanted), what)} right; always the class that training saw "
        f"most often: {plain:.1%}.",
        {"accuracy": right, "most_frequent_class": plain},
    )


def _errors(problem: Problem, given: Array, wanted: Array) -> Score:
    wanted = wanted.astype(np.float64)
    mean = float(np.mean(_joined(problem, problem.train.targets), dtype=np.float64))
    ours = float(np.mean(np.abs(given - wanted)))
    plain = float(np.mean(np.abs(mean - wanted)))
    numbers = {"mean_absolute_error": ours, "mean_absolute_error_of_mean": plain}
    words = f"mean absolute error {ours:.4g}; always the mean of training, {mean:.4g}: {plain:.4g}."
    spread = float(np.sum((wanted - wanted.mean()) ** 2))
    if spread > 0:  # else R² is not defined
        numbers["r2"] = 1 - float(np.sum((given - wanted) ** 2)) / spread
        words = f"R² {numbers['r2']:.3f}, {words}"
    return Score(words[:1].upper() + words[1:], numbers)


def _beside_last_value(given: Array, wanted: Array, before: Array) -> Score:
    wanted = wanted.astype(np.float64)
    ours = float(np.mean(np.abs(given - wanted)))
    plain = float(np.mean(np.abs(before - wanted)))
    better = 1 - ours / plain if plain else 0.0
    verdict = f"{better:.0%} better" if better > 0 else f"{-better:.0%} worse: not worth a model"
    return Score(
        f"Mean absolute error {ours:.4g}; saying the last value again: {plain:.4g}. "
        f"The model is {verdict}.",
        {"mean_absolute_error": ours, "mean_absolute_error_of_last_value": plain},
    )
