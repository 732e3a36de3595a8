"""Losses over the answers that count, and over nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recurra.errors import DataError, ShapeError

__all__ = ["IGNORED", "Criterion", "Loss", "LossName", "Measured"]

LossName = Literal["cross_entropy", "mse", "bce"]
Loss = LossName | Callable[[Tensor, Tensor], Tensor]

_OF_CLASSES = (nn.CrossEntropyLoss, nn.NLLLoss)  # these want an axis of classes

IGNORED = -100  # the class that torch's cross_entropy too leaves out


class Measured(NamedTuple):
    """A loss, kept as sum and weight so that batches of unequal size add up rightly."""

    total: Tensor  # the sum of the losses, each times its weight
    weight: float  # the sum of those weights


class Criterion:
    """The loss of a batch of answers.

    Args:
        loss: a name, or a callable of answers (count, feature) and targets (count, ...) that gives
            their mean, or one loss an answer (count, ...). Where targets are (count,) and there is
            one feature, answers are (count,) too. Targets equal to the callable's ``ignore_index``
            do not count.

    >>> import torch
    >>> answers, targets = torch.tensor([[1.0], [5.0], [9.0]]), torch.tensor([0.0, 7.0, 0.0])
    >>> Criterion("mse")(answers, targets, weights=torch.tensor([1.0, 3.0, 0.0]))
    Measured(total=tensor(13.), weight=4.0)
    """

    def __init__(self, loss: Loss) -> None:
        if not callable(loss) and loss not in get_args(LossName):
            raise ValueError(
                f"fit: loss is {loss!r}, expected 'cross_entropy', 'mse', 'bce' or a callable of "
                f"(answers, targets)."
            )
        self.name = None if callable(loss) else loss
        self._losses = loss if callable(loss) else _NAMED[loss]
        named = IGNORED if loss == "cross_entropy" else None
        self._ignored = getattr(loss, "ignore_index", named)

    def effective(self, targets: Tensor, weights: Tensor) -> Tensor:
        """The weights, with zeros where the target is a class that is left out, such as -100."""
        classes = not targets.is_floating_point() and targets.shape == weights.shape
        if self._ignored is not None and classes:
            return weights * (targets != self._ignored)
        return weights

    def __call__(self, answers: Tensor, targets: Tensor, weights: Tensor) -> Measured:
        """The loss over the answers whose weight is not zero.

        Args:
            answers: (batch, feature) or (batch, time, feature).
            targets: (batch, ...) or (batch, time, ...).
            weights: (batch,) or (batch, time); zero for padding.
        """
        weights = self.effective(targets, weights)
        counts = weights > 0
        answers, targets, weights = answers[counts], targets[counts], weights[counts]
        if len(weights) == 0:
            return Measured(answers.sum(), 0.0)
        classes = self.name == "cross_entropy" or isinstance(self._losses, _OF_CLASSES)
        if not classes and targets.dim() == 1 and answers.shape[1:] == (1,):
            answers = answers[:, 0]  # or the two would broadcast to (count, count)
        losses = self._losses(answers, targets)
        weight = float(weights.sum())
        if losses.dim() == 0:
            _check_equal(weights)
            return Measured(losses * weight, weight)
        return Measured((losses.reshape(len(weights), -1).mean(1) * weights).sum(), weight)


def _check_equal(weights: Tensor) -> None:
    if not torch.equal(weights, torch.ones_like(weights)):
        raise DataError(
            "fit: the data's weights are not all 0 or 1, and loss gives one mean for all answers, "
            "which cannot be weighted. Let it give one loss an answer (reduction='none')."
        )


def _cross_entropy(answers: Tensor, targets: Tensor) -> Tensor:
    classes = answers.shape[-1]
    if targets.is_floating_point():
        _check_same_shape("cross_entropy", answers, targets)
    elif int(targets.max()) >= classes:
        raise DataError(
            f"fit: y holds the class {int(targets.max())}, but the model answers with {classes} "
            f"features, one a class, for classes 0 to {classes - 1}."
        )
    return F.cross_entropy(answers, targets, reduction="none")


def _mse(answers: Tensor, targets: Tensor) -> Tensor:
    _check_same_shape("mse", answers, targets)
    return F.mse_loss(answers, targets, reduction="none")


def _bce(answers: Tensor, targets: Tensor) -> Tensor:
    _check_same_shape("bce", answers, targets)
    return F.binary_cross_entropy_with_logits(answers, targets, reduction="none")


def _check_same_shape(loss: str, answers: Tensor, targets: Tensor) -> None:
    if answers.shape != targets.shape:
        raise ShapeError(
            f"fit: loss {loss!r} compares answers of {tuple(answers.shape[1:]) or 'one'} features "
            f"with y of {tuple(targets.shape[1:]) or 'one'}. Let the model's last layer answer "
            f"with as many features as y has."
        )


_NAMED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "mse": _mse,
    "bce": _bce,
}
