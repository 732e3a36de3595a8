"""Forecaster against least squares on the last value, and against what it says itself."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

import recurra as rc
from recurra.training.estimators import Forecaster


class Last(rc.Cell):
    """Remembers the last input and nothing else."""

    def __init__(self, input_size):
        super().__init__()
        self.input_size = input_size

    def initial_state(self, batch):
        return self.zeros(batch, self.input_size)

    def update(self, state, x):
        return x

    def output(self, state, x):
        return state


def autoregressive(steps, seed=0):
    """x_{t+1} = 0.8 x_t + 2 + noise."""
    rng, x = np.random.default_rng(seed), [10.0]
    for _ in range(steps - 1):
        x.append(0.8 * x[-1] + 2 + rng.normal())
    return np.array(x)


def linear(**parameters):
    return Forecaster(
        cell=lambda features, _: Last(features),
        epochs=150,
        learning_rate=0.1,
        window=1000,
        random_state=0,
        **parameters,
    )


SMALL = {"hidden_size": 8, "epochs": 3, "random_state": 0}


@pytest.mark.parametrize("difference", [True, False])
def test_with_no_memory_it_is_least_squares_on_the_last_value(difference):
    series = autoregressive(150)
    theirs = LinearRegression().fit(series[:-1, None], series[1:])
    ours = linear(difference=difference).fit(series)
    np.testing.assert_allclose(
        ours.predict_each(series), theirs.predict(series[:, None]), atol=0.06
    )
    shifted = LinearRegression().fit(series[:-2, None], series[2:])  # one step too far
    assert not np.allclose(ours.predict_each(series), shifted.predict(series[:, None]), atol=0.1)


def test_many_steps_follow_the_fitted_recurrence():
    series = autoregressive(150)
    theirs = LinearRegression().fit(series[:-1, None], series[1:])
    wanted, x = [], series[-1]
    for _ in range(6):
        x = theirs.predict([[x]])[0]
        wanted.append(x)
    np.testing.assert_allclose(linear().fit(series).forecast(series, 6), wanted, atol=0.05)


def test_feeding_back_is_predicting_the_longer_series():
    X = [autoregressive(30, seed) for seed in range(3)]
    X = [x[: 30 - 5 * k] for k, x in enumerate(X)]
    ours = Forecaster(**SMALL).fit(X)
    grown = [x.copy() for x in X]
    for _ in range(4):
        grown = [np.append(x, y) for x, y in zip(grown, ours.predict(grown), strict=True)]
    tails = np.stack([x[-4:] for x in grown])
    np.testing.assert_allclose(ours.forecast(X, 4), tails, rtol=1e-4)


def test_an_untrained_difference_is_the_last_value_and_the_mean_change():
    series = autoregressive(60)
    ours = linear(weight_decay=0.0).set_params(learning_rate=1e-12, epochs=1).fit(series)
    wanted = series + np.diff(series).mean()
    np.testing.assert_allclose(ours.predict_each(series), wanted, rtol=1e-4)


def test_the_score_is_r2_and_the_skill_is_against_the_last_value():
    X = [autoregressive(40, seed) for seed in range(2)]
    ours = Forecaster(**SMALL).fit(X)
    forecasts = np.concatenate([y[:-1] for y in ours.predict_each(X)])
    came = np.concatenate([x[1:] for x in X])
    before = np.concatenate([x[:-1] for x in X])
    assert ours.score(X) == pytest.approx(r2_score(came, forecasts), abs=1e-6)
    errors = np.mean((forecasts - came) ** 2), np.mean((before - came) ** 2)
    assert ours.skill(X) == pytest.approx(1 - errors[0] / errors[1], abs=1e-6)


def test_answers_have_the_form_of_the_input():
    flat = autoregressive(20)
    wide = np.column_stack([flat, -flat])
    ours = Forecaster(**SMALL).fit(flat)
    assert np.shape(ours.predict(flat)) == ()
    assert ours.predict(flat[:, None]).shape == (1,)
    assert ours.predict([flat, flat[:5]]).shape == (2,)
    assert ours.forecast(flat, 3).shape == (3,)
    assert ours.forecast([flat, flat[:5]], 3).shape == (2, 3)
    assert [y.shape for y in ours.predict_each([flat, flat[:5]])] == [(20,), (5,)]
    two = Forecaster(**SMALL).fit(wide)
    assert two.predict(wide).shape == (2,)
    assert two.predict([wide, wide[:5]]).shape == (2, 2)
    assert two.forecast([wide, wide[:5]], 3).shape == (2, 3, 2)
    assert two.predict(np.stack([wide, wide])).shape == (2, 2)


@pytest.mark.parametrize("difference", [True, False])
def test_some_features_are_only_read(difference):
    """What comes is told by a second feature one step ahead: least squares on both."""
    rng = np.random.default_rng(0)
    hint = rng.normal(size=200)
    value = np.append(0, 3 * hint[:-1] + 0.1 * rng.normal(size=199))
    X = np.column_stack([value, hint])
    theirs = LinearRegression().fit(X[:-1], value[1:])
    ours = linear(difference=difference, targets=[0]).fit(X)
    np.testing.assert_allclose(ours.predict_each(X)[:, 0], theirs.predict(X), rtol=0.03, atol=0.05)
    ahead = rng.normal(size=(2, 1))
    first = ours.predict(X)
    wanted = [first[0], *theirs.predict(np.column_stack([[first[0], 0], ahead]))[:1]]
    got = ours.forecast(X, 3, known=ahead)[:2, 0]
    np.testing.assert_allclose(got, wanted, rtol=0.03, atol=0.05)


def test_known_features_are_asked_for():
    X = np.zeros((20, 3)) + np.arange(20)[:, None]
    ours = Forecaster(targets=[1], **SMALL).fit(X)
    assert ours.forecast(X, 1).shape == (1, 1)
    with pytest.raises(rc.ShapeError, match=r"known is missing: features \[0, 2\]"):
        ours.forecast(X, 4)
    with pytest.raises(rc.ShapeError, match=r"known has shape \(4, 2\), expected \(3, 2\)"):
        ours.forecast(X, 4, known=np.zeros((4, 2)))


@pytest.mark.parametrize("targets", [[], [3], [0, 0], [-1]])
def test_targets_that_are_not_features_are_refused(targets):
    with pytest.raises(ValueError, match="expected different features out of 0 to 2"):
        Forecaster(targets=targets).fit(np.zeros((20, 3)))


def test_a_series_that_is_too_short_is_refused():
    with pytest.raises(rc.DataError, match="X has 1 step, expected 2 at least"):
        Forecaster().fit([5.0])
    with pytest.raises(rc.DataError, match=r"X\[1\] has 1 step, expected 2 at least"):
        Forecaster().fit([[5.0, 6.0], [5.0]])
    with pytest.raises(rc.DataError, match="X holds nan at time 1, feature 0"):
        Forecaster().fit([5.0, np.nan, 3.0])
    with pytest.raises(ValueError, match="steps is 0, expected 1 or more"):
        Forecaster(**SMALL).fit([1.0, 2.0]).forecast([1.0], 0)


def test_a_single_series_is_cross_validated_by_time():
    folds = TimeSeriesSplit(n_splits=3)
    scores = cross_val_score(Forecaster(**SMALL), autoregressive(80), cv=folds, error_score="raise")
    assert np.isfinite(scores).all()
