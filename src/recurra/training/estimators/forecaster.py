"""What comes next in a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted
from torch import nn

from recurra.errors import DataError, ShapeError
from recurra.layers import Residual, Stack
from recurra.training.estimators.base import SequenceEstimator
from recurra.training.estimators.checks import as_numbers
from recurra.training.estimators.network import Regression, fixed, regression_loss, silent
from recurra.training.estimators.running import answers, padded
from recurra.training.estimators.scaling import Pair, scaled_pairs
from recurra.training.estimators.series import Series, check_series, cut_by_time, windows_of

__all__ = ["Forecaster"]


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(SequenceEstimator):
    """Forecasts the next step of a series, and by feeding that back, many.

    X is one series (time,) or (time, feature), or a list of such of unequal length; answers come in
    the form that X has. `model_` answers every step with its forecast of the next one.

    Its parameters and attributes are those of `SequenceEstimator`, and besides:

    Args:
        targets: the features to forecast, by index; None means all. The others are only read:
            what is known beforehand, such as the hour of the step to come.
        difference: learn the change from a step to the next, so that training starts from the
            forecast "as it is now". Without, learn the values themselves.
        loss: "squared_error" forecasts the mean of what may come, "absolute_error" its median,
            which rare jumps do not pull.
        window: training cuts the series into pieces of so many steps, each starting at H_0.

    With `validation_fraction` the last part of each series is held out.

    >>> import numpy as np
    >>> from recurra.training.estimators import Forecaster
    >>> wave = np.sin(np.arange(300) / 5)
    >>> forecaster = Forecaster(hidden_size=16, random_state=0).fit(wave[:200])
    >>> forecaster.skill(wave[200:]) > 0.8
    True
    >>> forecaster.forecast(wave[:200], 10).shape
    (10,)
    """

    epochs: int = 80
    batch_size: int = 8
    targets: Sequence[int] | None = None
    difference: bool = True
    loss: Regression = "squared_error"
    window: int = 64

    def fit(self, X: Any, y: Any = None) -> Forecaster:
        """Train.

        Args:
            X: series of at least two steps.
            y: not looked at; scikit-learn passes it.

        Raises:
            DataError: a value is not finite, a series is too short, or a feature varies by less
                than float32 can hold.
            ShapeError: series differ in features.
        """
        self._check_parameters()
        series = check_series(self._who, X, steps=2)
        self.n_features_in_ = series.rows[0].shape[1]
        self._columns = self._check_targets()
        with self._randomness() as seed:
            early, late = cut_by_time(series.rows, self.validation_fraction)
            if self.validation_fraction and not late:
                raise DataError(
                    f"{self._who}: validation_fraction is {self.validation_fraction}, but no "
                    f"series is long enough to hold two steps of it out. Give longer series or a "
                    f"larger fraction."
                )
            train = [self._pair(x) for x in early]
            held_out = [self._pair(x) for x in late]
            inside, size = self._body(self.n_features_in_)
            parts = [*self._inputs(train), *inside, silent(nn.Linear(size, len(self._columns)))]
            (train, held_out), back = scaled_pairs(train, held_out, scale=self.scale)
            pieces = windows_of(train, self.window)
            loss = regression_loss(self.loss)
            kept = self._train(parts, pieces, held_out, loss=loss, target="steps", seed=seed)
        self._keep(self._finished([*kept, *back]))
        return self

    def predict(self, X: Any) -> Any:
        """The value after the last of each series: (target,) a series."""
        series = self._check_series(X)
        return self._stacked(series, [each[-1] for each in answers(self.model_, series.rows)])

    def predict_each(self, X: Any) -> Any:
        """The forecast made at every step, of the step after it: (time, target) a series.

        Row t has seen the series up to t; the last row is what `predict` gives.
        """
        series = self._check_series(X)
        return series.like_input(answers(self.model_, series.rows))

    def forecast(self, X: Any, steps: int, *, known: Any = None) -> Any:
        """Many steps ahead, each from the forecasts before it: (steps, target) a series.

        Args:
            X: series to go on from.
            steps: how many.
            known: the features that are not forecast, for the steps fed back: (steps - 1, feature)
                a series, in the form of X.

        Raises:
            ShapeError: known is missing where it is needed, or has another shape.
            DataError: a value is not finite.
        """
        if steps < 1:
            raise ValueError(f"{self._who}: steps is {steps}, expected 1 or more.")
        series = self._check_series(X)
        rows = self._check_known(known, series, steps)
        return self._stacked(series, list(self._feed_back(series.rows, steps, rows)))

    def score(self, X: Any, y: Any = None) -> float:
        """R² of the forecasts one step ahead, over all steps but each series' first."""
        ours, _, true = self._one_ahead(X)
        return float(r2_score(true, ours))

    def skill(self, X: Any) -> float:
        """How much better than "as it is now": 1 - mean squared error / that forecast's.

        1 is perfect, 0 is no better than the last value, below 0 is worse.
        """
        ours, last_value, true = self._one_ahead(X)
        return float(1 - np.mean((ours - true) ** 2) / np.mean((last_value - true) ** 2))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.one_d_array = tags.input_tags.two_d_array = True
        return tags

    def _check_targets(self) -> list[int]:
        features = self.n_features_in_
        columns = list(range(features)) if self.targets is None else [*self.targets]
        if not columns or len({*columns}) < len(columns) or not {*columns} <= {*range(features)}:
            raise ValueError(
                f"{self._who}: targets is {self.targets!r}, expected different features out of 0 "
                f"to {features - 1}."
            )
        return columns

    def _check_series(self, X: Any, steps: int = 1) -> Series:
        check_is_fitted(self, "model_")
        return check_series(self._who, X, self.n_features_in_, steps)

    def _pair(self, x: NDArray[np.float32]) -> Pair:
        """What is read, and what is to be learnt of each step."""
        wide = x[:, self._columns].astype(np.float64)
        return x[:-1], wide[1:] - wide[:-1] if self.difference else wide[1:]

    def _finished(self, parts: list[nn.Module]) -> Stack:
        """The model from raw values to raw forecasts."""
        if not self.difference:
            return Stack(*parts)
        if self._columns == list(range(self.n_features_in_)):
            return Stack(Residual(Stack(*parts)))
        choose = torch.eye(self.n_features_in_)[self._columns]
        return Stack(Residual(Stack(*parts, fixed(choose.T))), fixed(choose))

    def _one_ahead(self, X: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Forecasts, last values and what came, over all steps of all series."""
        rows = self._check_series(X, steps=2).rows
        values = [x[:, self._columns].astype(np.float64) for x in rows]
        return (
            np.concatenate([y[:-1] for y in answers(self.model_, rows)]).astype(np.float64),
            np.concatenate([x[:-1] for x in values]),
            np.concatenate([x[1:] for x in values]),
        )

    @torch.no_grad()
    def _feed_back(
        self, rows: list[NDArray[np.float32]], steps: int, known: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Forecasts (series, steps, target); known is (series, steps - 1, other feature)."""
        x, lengths = padded(rows)
        y, state = self.model_(x, lengths=lengths)
        found = [y[torch.arange(len(rows)), lengths - 1]]
        event = x.new_empty(len(rows), self.n_features_in_)
        for step in range(steps - 1):
            event[:, self._columns] = found[-1]
            event[:, self._others] = torch.from_numpy(known[:, step])
            y, state = self.model_.step(state, event)
            found.append(y)
        values: NDArray[np.float32] = torch.stack(found, dim=1).numpy()
        return values

    @property
    def _others(self) -> list[int]:
        return [k for k in range(self.n_features_in_) if k not in self._columns]

    def _check_known(self, known: Any, series: Series, steps: int) -> NDArray[np.float32]:
        wanted = (len(series.rows), steps - 1, len(self._others))
        if known is None and 0 in wanted:
            return np.zeros(wanted, dtype=np.float32)
        if known is None:
            raise ShapeError(
                f"{self._who}: known is missing: features {self._others} are not forecast, so "
                f"their values at the {steps - 1} steps fed back must be given."
            )
        values = self._numbers_known(known)
        values = values[None] if series.single else values
        if values.shape != wanted:
            raise ShapeError(
                f"{self._who}: known has shape {np.shape(known)}, expected "
                f"{wanted[1:] if series.single else wanted}: the features that are not forecast."
            )
        if not np.isfinite(values).all():
            raise DataError(
                f"{self._who}: known holds {values[~np.isfinite(values)][0]}, expected finite "
                f"float32 numbers."
            )
        return values

    def _numbers_known(self, known: Any) -> NDArray[np.float32]:
        given = as_numbers(self._who, "known", known)
        try:
            with np.errstate(over="ignore"):
                return given.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self._who}: known does not hold numbers only ({error}).") from error

    @staticmethod
    def _stacked(series: Series, found: list[NDArray[np.float32]]) -> Any:
        """One array where all series have as many rows."""
        kept = series.like_input(found)
        return kept if series.single else np.stack(kept)
