"""How the sources judge a model. A rule is called with (predictions, targets).

A prediction that is not a number is never right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.losses import IGNORED, log_softmax, sigmoid

__all__ = ["BinarySteps", "ClassLast", "ClassSteps", "LegalNext", "ValueLast"]

Predictions = Sequence[npt.NDArray[np.float64]]
Answers = Sequence[npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BinarySteps:
    """Yes-or-no at every step; an output above 0 (probability above a half) says yes."""

    def __call__(self, predictions: Predictions, targets: Answers) -> dict[str, float]:
        """The measures, by name."""
        right = [
            ((p > 0) == (y > 0.5)) & ~np.isnan(p) for p, y in zip(predictions, targets, strict=True)
        ]
        return {"solved": _all_right(right), "accuracy": _share(right)}


@dataclass(frozen=True)
class ClassSteps:
    """A class at every step that counts; the largest output is the answer.

    With ``recalled`` the share of right answers among the last that many steps is given too.
    """

    recalled: int | None = None

    def __call__(self, predictions: Predictions, targets: Answers) -> dict[str, float]:
        """The measures, by name."""
        right = [
            ((p.argmax(axis=-1) == y) & ~np.isnan(p).any(axis=-1))[y != IGNORED]
            for p, y in zip(predictions, targets, strict=True)
        ]
        measures = {"solved": _all_right(right), "accuracy": _share(right)}
        if self.recalled is not None:
            measures["recalled"] = _share([row[-self.recalled :] for row in right])
        return measures


@dataclass(frozen=True)
class ClassLast:
    """A class at the end, right when every output is within ``tolerance`` of its target.

    Outputs are the softmax of the logits; targets are 1 for the class and 0 elsewhere.
    """

    tolerance: float

    def __call__(self, predictions: Predictions, targets: Answers) -> dict[str, float]:
        """The measures, by name."""
        solved, right = [], []
        for logits, y in zip(predictions, targets, strict=True):
            wanted = np.zeros_like(logits)
            wanted[int(y)] = 1.0
            worst = np.abs(np.exp(log_softmax(logits)) - wanted).max()
            solved.append(bool(worst < self.tolerance))
            right.append(bool(logits.argmax() == y and not np.isnan(logits).any()))
        return {"solved": _average(solved), "accuracy": _average(right)}


@dataclass(frozen=True)
class ValueLast:
    """A value at the end, right when its absolute error is below ``tolerance``."""

    tolerance: float

    def __call__(self, predictions: Predictions, targets: Answers) -> dict[str, float]:
        """The measures, by name."""
        errors = [float(np.abs(p - y).max()) for p, y in zip(predictions, targets, strict=True)]
        solved = [error < self.tolerance for error in errors]
        return {"solved": _average(solved), "error": _average(errors)}


@dataclass(frozen=True)
class LegalNext:
    """The set of symbols that may come next, told at every step.

    With ``tolerance`` None a step is right when every legal symbol's output is larger than every
    illegal one's. Otherwise it is right when the sigmoid of every output is within ``tolerance``
    of 1 for a legal symbol and of 0 for an illegal one.

    With ``streak`` the mean number of steps before a sequence's first wrong one is given too.
    """

    legal: Sequence[Bools]  # (time, symbols) a sequence
    tolerance: float | None = None
    streak: bool = False

    def __call__(self, predictions: Predictions, targets: Answers) -> dict[str, float]:
        """The measures, by name."""
        right = [self._right(p, legal) for p, legal in zip(predictions, self.legal, strict=True)]
        measures = {"solved": _all_right(right), "accuracy": _share(right)}
        if self.streak:
            measures["first_error"] = _average([_steps_before_error(row) for row in right])
        return measures

    def _right(self, outputs: npt.NDArray[np.float64], legal: Bools) -> Bools:
        if self.tolerance is None:
            least_legal = np.where(legal, outputs, np.inf).min(axis=-1)
            most_illegal = np.where(legal, -np.inf, outputs).max(axis=-1)
            return np.asarray(least_legal > most_illegal)
        errors = np.abs(sigmoid(outputs) - legal)
        return np.asarray(errors.max(axis=-1) < self.tolerance)


def _steps_before_error(right: Bools) -> int:
    return len(right) if right.all() else int(right.argmin())


def _all_right(right: Sequence[npt.NDArray[Any]]) -> float:
    return _average([bool(row.all()) for row in right])


def _share(right: Sequence[npt.NDArray[Any]]) -> float:
    answers = sum(row.size for row in right)
    return sum(int(row.sum()) for row in right) / answers if answers else float("nan")


def _average(values: Sequence[float]) -> float:
    return float(sum(values) / len(values)) if values else float("nan")
