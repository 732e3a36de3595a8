"""A number at every step, learned by least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra.cli.problems.problem import Part

if TYPE_CHECKING:
    from recurra.training.estimators import SequenceRegressor

__all__ = ["fit_each_step"]


def fit_each_step(estimator: SequenceRegressor, train: Part) -> None:
    """Train the model of an estimator on one number a step, (time,) a sequence."""
    from torch import nn

    from recurra.layers import Stack
    from recurra.training.estimators.scaling import scaled_pairs

    pairs: list[Any] = [
        (x, y[:, None]) for x, y in zip(train.sequences, train.targets, strict=True)
    ]
    with estimator._randomness() as seed:
        inside, size = estimator._body(pairs[0][0].shape[1])
        parts = [*estimator._inputs(pairs), *inside, nn.Linear(size, 1)]
        (pairs, _), back = scaled_pairs(pairs, [], scale=True)
        kept = estimator._train(parts, pairs, [], loss="mse", target="steps", seed=seed)
    estimator.model_ = Stack(*kept, *back).eval()
