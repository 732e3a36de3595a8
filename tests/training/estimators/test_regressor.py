"""SequenceRegressor against scikit-learn's least squares."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

import recurra as rc
from recurra.training.estimators import SequenceRegressor
from tests.training.estimators.problems import SMALL, ragged


def mean_cell(features, _):
    """No weights: what is left to learn is the linear layer behind it."""
    return rc.cells.Mean(features)


@pytest.mark.parametrize("outputs", [None, 2])
def test_over_means_it_is_least_squares(outputs):
    rng, X = np.random.default_rng(0), ragged(80)
    means = np.stack([x.mean(axis=0) for x in X])
    weights = np.array([2.0, -1.0]) if outputs is None else rng.normal(size=(2, outputs))
    y = means @ weights + 3
    y = y + rng.normal(size=y.shape)
    ours = SequenceRegressor(
        cell=mean_cell, epochs=150, batch_size=80, learning_rate=0.1, random_state=0
    )
    theirs = LinearRegression().fit(means, y)
    np.testing.assert_allclose(ours.fit(X, y).predict(X), theirs.predict(means), atol=0.08)
    noiseless = means @ weights + 3  # the oracle tells the true line from the fitted one
    assert not np.allclose(ours.predict(X), noiseless, atol=0.15)


def test_the_score_is_scikit_learns_r2():
    X = ragged(40)
    y = np.array([x[-1, 0] * 100 for x in X])
    regressor = SequenceRegressor(**SMALL).fit(X, y)
    assert regressor.score(X, y) == r2_score(y, regressor.predict(X))


def test_predictions_have_the_shape_of_y():
    X = ragged(5)
    for shape in [(5,), (5, 1), (5, 3)]:
        regressor = SequenceRegressor(hidden_size=2, epochs=1).fit(X, np.zeros(shape))
        assert regressor.predict(X).shape == shape


def test_targets_far_from_zero_are_reached():
    X = ragged(40)
    y = 1e5 + 1e3 * np.array([x[:, 0].mean() for x in X])
    assert SequenceRegressor(**SMALL).fit(X, y).score(X, y) > 0.7
    assert SequenceRegressor(scale=False, **SMALL).fit(X, y).score(X, y) < 0


def test_the_absolute_error_gives_the_median():
    X, y = [np.ones((1, 1))] * 25, np.append(np.arange(24.0), 1000)
    options = {"cell": mean_cell, "epochs": 200, "learning_rate": 0.2, "random_state": 0}
    median = SequenceRegressor(loss="absolute_error", **options).fit(X, y).predict(X[:1])
    mean = SequenceRegressor(**options).fit(X, y).predict(X[:1])
    np.testing.assert_allclose(median, np.median(y), atol=1)
    np.testing.assert_allclose(mean, np.mean(y), atol=1)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="loss is 'huber', expected 'squared_error' or 'abs"):
        SequenceRegressor(loss="huber").fit(ragged(2), [0, 1])
