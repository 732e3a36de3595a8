"""One or several numbers a sequence, or a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from recurra.data.precision import refuse_lost
from recurra.layers import Stack
from recurra.training.estimators.checks import check_sequences
from recurra.training.estimators.network import Regression, regression_loss
from recurra.training.estimators.running import answers, last_answers
from recurra.training.estimators.scaling import scaled_pairs
from recurra.training.estimators.targets import Targets, check_step_targets, check_targets
from recurra.training.estimators.whole import WholeSequenceEstimator, hold_out

__all__ = ["SequenceRegressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, WholeSequenceEstimator):  # type: ignore[misc]
    """Predicts one or several numbers for each sequence, or for each step of it.

    Its parameters and attributes are those of `SequenceEstimator`, and besides:

    Args:
        loss: "squared_error" predicts the mean of what may be, "absolute_error" its median.
        per_step: whether y has targets for every step, or for each sequence. None tells by y: it
            has one for every step if each of its entries is (time, output), or (time,) as long as
            its sequence. Only where every sequence has as many steps as it has outputs need it be
            said that y is (sequence, output).
        pooling: see `WholeSequenceEstimator`; must be "last" for targets at every step.
        bidirectional: see `WholeSequenceEstimator`; for targets at every step without pooling.

    Attributes:
        per_step_: whether it learned, and predicts, targets for every step.

    A number a sequence:

    >>> import numpy as np
    >>> from recurra.training.estimators import SequenceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(2, 6), 1)) for _ in range(60)]
    >>> y = [100 + 10 * x.sum() for x in X]
    >>> regressor = SequenceRegressor(hidden_size=8, epochs=60, random_state=0).fit(X, y)
    >>> regressor.score(X, y) > 0.9
    True

    A number a step, here the sum so far:

    >>> y = [10 * x[:, 0].cumsum() for x in X]
    >>> regressor = SequenceRegressor(hidden_size=8, epochs=60, random_state=0).fit(X, y)
    >>> regressor.predict([[[1.0], [1.0], [-2.0]]])[0].round(-1).tolist()
    [10.0, 20.0, 0.0]
    >>> regressor.score(X, y) > 0.9
    True
    """

    loss: Regression = "squared_error"
    per_step: bool | None = None

    def fit(self, X: Any, y: Any) -> SequenceRegressor:
        """Train.

        Args:
            X: sequences: a list of (time, feature), or an array (sequence, time, feature).
            y: numbers for each sequence, (sequence,) or (sequence, output); or for each step, a
                list of (time,) or (time, output) as long as their sequences, or such an array
                (sequence, time) or (sequence, time, output).

        Raises:
            DataError: a value is not finite, a sequence is empty, or a feature or target varies by
                less than float32 can hold.
            ShapeError: sequences differ in features, or y does not fit X.
            ValueError: a parameter does not fit, such as a pooling with targets at every step.
        """
        self._check_parameters()
        sequences = check_sequences(self._who, X)
        targets = check_targets(self._who, y, [len(x) for x in sequences], self.per_step)
        outputs = np.concatenate([np.atleast_2d(each) for each in targets.rows])
        names = [f"{self._who}: output {k} of y" for k in range(outputs.shape[1])]
        refuse_lost(outputs, names)
        self._check_pooling(targets)
        self.n_features_in_ = sequences[0].shape[1]
        self.per_step_, self._output_shape = targets.per_step, targets.shape
        with self._randomness() as seed:
            pairs = list(zip(sequences, targets.rows, strict=True))
            train, held_out = hold_out(self._who, pairs, self.validation_fraction, seed)
            parts = self._parts(train, targets.rows[0].shape[-1], per_step=targets.per_step)
            (train, held_out), back = scaled_pairs(train, held_out, scale=self.scale)
            loss = regression_loss(self.loss)
            kept = self._train(
                parts,
                train,
                held_out,
                loss=loss,
                target="steps" if targets.per_step else "last",
                seed=seed,
            )
        self._keep(Stack(*kept, *back))
        return self

    def predict(self, X: Any) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """The numbers of each sequence, or a list with those of each step, in the form of y.

        Returns:
            (sequence,) or (sequence, output); for targets at every step a list of (time,) or
            (time, output).
        """
        sequences = self._to_answer(X)
        if self.per_step_:
            found = answers(self.model_, sequences)
            return [y.reshape(len(y), *self._output_shape) for y in found]
        y = last_answers(self.model_, sequences)
        return y.reshape(len(y), *self._output_shape)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² over all sequences, or over all steps; the mean of those of several outputs.

        Args:
            X: as in fit.
            y: as in fit.
            sample_weight: (sequence,); the steps of a sequence weigh as much as it does.
        """
        if not getattr(self, "per_step_", False):
            return float(super().score(X, y, sample_weight))
        predicted = self.predict(X)
        steps = [len(each) for each in predicted]
        true = np.concatenate(check_step_targets(self._who, y, steps, self._output_shape))
        weights = None if sample_weight is None else np.repeat(sample_weight, steps)
        ours = np.concatenate(predicted).reshape(true.shape)
        return float(r2_score(true, ours, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_pooling(self, targets: Targets) -> None:
        if targets.per_step and self.pooling != "last":
            raise ValueError(
                f"{self._who}: pooling is {self.pooling!r}, but y has a target for every step, so "
                f"there is nothing to pool. Use pooling='last', or per_step=False if y is "
                f"(sequence, output)."
            )
