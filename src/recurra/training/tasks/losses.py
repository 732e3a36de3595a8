"""The three losses, measured in numpy: means over every answer that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["IGNORED", "LOSSES", "LossName", "log_softmax", "sigmoid"]

Predictions = Sequence[npt.NDArray[np.float64]]
Answers = Sequence[npt.NDArray[Any]]
LossName = Literal["cross_entropy", "mse", "bce"]

IGNORED = -100  # torch.nn.functional.cross_entropy's own default for "does not count"


def log_softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithms of the probabilities, over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: npt.NDArray[np.float64] = shifted - np.log(
        np.exp(shifted).sum(axis=-1, keepdims=True)
    )
    return normalised


def sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    value: npt.NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return value


def _cross_entropy(predictions: Predictions, targets: Answers) -> float:
    def surprises(logits: npt.NDArray[np.float64], y: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        rows, classes = np.atleast_2d(log_softmax(logits)), np.atleast_1d(y)
        counts = classes != IGNORED
        taken: npt.NDArray[np.float64] = -rows[counts, classes[counts]]
        return taken

    return _mean([surprises(p, y) for p, y in zip(predictions, targets, strict=True)])


def _mse(predictions: Predictions, targets: Answers) -> float:
    return _mean([(p - y) ** 2 for p, y in zip(predictions, targets, strict=True)])


def _bce(predictions: Predictions, targets: Answers) -> float:
    # -y log σ(x) - (1 - y) log(1 - σ(x)) = log(1 + exp(x)) - y x
    return _mean([np.logaddexp(0.0, p) - y * p for p, y in zip(predictions, targets, strict=True)])


def _mean(parts: Sequence[npt.NDArray[np.float64]]) -> float:
    count = sum(part.size for part in parts)
    return float(sum(part.sum() for part in parts) / count) if count else float("nan")


LOSSES: dict[LossName, Callable[[Predictions, Answers], float]] = {
    "cross_entropy": _cross_entropy,
    "mse": _mse,
    "bce": _bce,
}
