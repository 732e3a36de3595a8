"""Small problems that each estimator can learn within a second."""

import numpy as np

from recurra.training.estimators import (
    Forecaster,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)

SMALL = {"hidden_size": 8, "epochs": 12, "batch_size": 8, "learning_rate": 0.02, "random_state": 0}


def ragged(count, seed=0, features=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(1, 3, size=(rng.integers(3, 9), features)) for _ in range(count)]


def classes_of(X):
    return np.array(["high" if x[:, 0].mean() > 1 else "low" for x in X])


def tags_of(X):
    return [np.where(x[:, 0] > 1, "high", "low") for x in X]


PROBLEMS = {
    SequenceClassifier: classes_of,
    SequenceRegressor: lambda X: np.array([5 + 10 * x[:, 0].mean() for x in X]),
    SequenceTagger: tags_of,
    Forecaster: lambda X: None,
}


class Case:
    """An estimator class and a problem for it."""

    def __init__(self, kind):
        self.kind = kind
        self.X = ragged(40)
        self.y = PROBLEMS[kind](self.X)

    def make(self, **parameters):
        return self.kind(**{**SMALL, **parameters})

    def fitted(self, **parameters):
        return self.make(**parameters).fit(self.X, self.y)

    def predicted(self, estimator, X=None):
        """Every prediction in one flat array."""
        return np.concatenate([np.ravel(y) for y in estimator.predict(self.X if X is None else X)])
