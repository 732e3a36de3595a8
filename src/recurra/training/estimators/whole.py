"""One answer a sequence: what the classifier and the regressor share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from torch import nn

from recurra.errors import DataError
from recurra.training.estimators.base import SequenceEstimator
from recurra.training.estimators.network import Pooling, pooling_parts
from recurra.training.estimators.scaling import Pair

__all__ = ["WholeSequenceEstimator", "hold_out"]


@dataclass(kw_only=True, eq=False, repr=False)
class WholeSequenceEstimator(SequenceEstimator):
    """The parameters of an estimator with one answer a sequence.

    Args:
        pooling: the answer is that of the "last" step, or the "mean" over all steps. Either way
            it stands at the last step of what `model_` answers.
        bidirectional: read each sequence from both ends; needs the pooling "mean", and the model
            cannot be streamed.
    """

    pooling: Pooling = "last"
    bidirectional: bool = False

    def _parts(self, train: list[Pair], outputs: int, *, per_step: bool = False) -> list[nn.Module]:
        inside, size = self._body(self.n_features_in_, bidirectional=self.bidirectional)
        parts = [*self._inputs(train), *inside, nn.Linear(size, outputs)]
        if per_step:
            return parts
        return parts + pooling_parts(self.pooling, outputs, bidirectional=self.bidirectional)


def hold_out(
    who: str, pairs: list[Pair], share: float, seed: int, classes: NDArray[Any] | None = None
) -> tuple[list[Pair], list[Pair]]:
    """The part to train on, and a random part of the given share that is kept away from it.

    Args:
        who: the estimator's name, for the messages.
        pairs: one a sequence.
        share: in [0, 1).
        seed: what the parts are drawn from.
        classes: (sequence,), to have each in both parts in the same proportions.

    Raises:
        DataError: there are too few to have some, and each class, in both parts.

    >>> train, held_out = hold_out("X", [(np.zeros((1, 1)), k) for k in range(10)], 0.2, seed=0)
    >>> len(train), len(held_out)
    (8, 2)
    """
    if share == 0:
        return pairs, []
    try:
        stay, away = train_test_split(
            np.arange(len(pairs)), test_size=share, random_state=seed, stratify=classes
        )
    except ValueError as error:
        parts = "both parts" if classes is None else "both parts with every class in each"
        raise DataError(
            f"{who}: validation_fraction is {share}, but {len(pairs)} sequences cannot make "
            f"{parts}. Give more sequences or another fraction, or 0 to hold nothing out."
        ) from error
    return [pairs[k] for k in np.sort(stay)], [pairs[k] for k in np.sort(away)]
