"""One or several numbers a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from recurra.layers import Stack
from recurra.training.estimators.checks import check_sequences, check_targets
from recurra.training.estimators.network import Regression, regression_loss
from recurra.training.estimators.running import last_answers
from recurra.training.estimators.scaling import scaled_pairs
from recurra.training.estimators.whole import WholeSequenceEstimator, hold_out

__all__ = ["SequenceRegressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, WholeSequenceEstimator):  # type: ignore[misc]
    """Predicts one or several numbers for each sequence.

    Its parameters and attributes are those of `SequenceEstimator`, and besides:

    Args:
        loss: "squared_error" predicts the mean of what may be, "absolute_error" its median.
        pooling: see `WholeSequenceEstimator`.
        bidirectional: see `WholeSequenceEstimator`.

    >>> import numpy as np
    >>> from recurra.training.estimators import SequenceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 1)) for _ in range(60)]
    >>> y = [100 + 10 * x.sum() for x in X]
    >>> regressor = SequenceRegressor(hidden_size=8, epochs=60, random_state=0).fit(X, y)
    >>> regressor.score(X, y) > 0.9
    True
    """

    loss: Regression = "squared_error"

    def fit(self, X: Any, y: Any) -> SequenceRegressor:
        """Train.

        Args:
            X: sequences: a list of (time, feature), or an array (sequence, time, feature).
            y: (sequence,) or (sequence, output) of numbers.

        Raises:
            DataError: a value is not finite, or a sequence is empty.
            ShapeError: sequences differ in features, or y has another length.
        """
        self._check_parameters()
        sequences = check_sequences(self._who, X)
        targets = check_targets(self._who, y, len(sequences))
        self.n_features_in_ = sequences[0].shape[1]
        self._output_shape = np.shape(y)[1:]
        with self._randomness() as seed:
            pairs = list(zip(sequences, targets, strict=True))
            train, held_out = hold_out(pairs, self.validation_fraction, seed)
            parts = self._parts(train, targets.shape[1])
            (train, held_out), back = scaled_pairs(train, held_out, scale=self.scale)
            loss = regression_loss(self.loss)
            kept = self._train(parts, train, held_out, loss=loss, target="last", seed=seed)
        self.model_ = Stack(*kept, *back).eval()
        return self

    def predict(self, X: Any) -> NDArray[np.float32]:
        """The numbers of each sequence, (sequence,) or (sequence, output), as y was."""
        sequences = self._to_answer(X)
        y = last_answers(self.model_, sequences)
        return y.reshape(len(y), *self._output_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
