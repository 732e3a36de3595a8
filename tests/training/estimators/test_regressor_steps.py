"""SequenceRegressor with a target for every step, against least squares and known sums."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

import recurra as rc
from recurra import DataError, ShapeError
from recurra.training.estimators import SequenceRegressor
from tests.training.estimators.problems import SMALL, ragged


def mean_cell(features, _):
    """No weights: what is left to learn is the linear layer behind it."""
    return rc.cells.Mean(features)


def running_means(X):
    return [x.cumsum(axis=0) / np.arange(1, len(x) + 1)[:, None] for x in X]


def leaky_sums(X):
    """y_t = y_{t-1} / 2 + x_t."""
    found = []
    for x in X:
        y = [x[0, 0]]
        for value in x[1:, 0]:
            y.append(y[-1] / 2 + value)
        found.append(np.array(y))
    return found


def of_the_last_step_only(X, y):
    return np.stack([x[-1] for x in X]), np.stack([each[-1] for each in y])


@pytest.mark.parametrize("outputs", [None, 2])
def test_over_running_means_it_is_least_squares_over_all_steps(outputs):
    rng, X = np.random.default_rng(0), ragged(60)
    running = running_means(X)
    weights = np.array([2.0, -1.0]) if outputs is None else rng.normal(size=(2, outputs))
    y = [m @ weights + 3 for m in running]
    y = [each + rng.normal(0, 4, each.shape) for each in y]
    ours = SequenceRegressor(
        cell=mean_cell, epochs=150, batch_size=60, learning_rate=0.1, random_state=0
    )

    found = np.concatenate(ours.fit(X, y).predict(X))

    theirs = LinearRegression().fit(np.concatenate(running), np.concatenate(y))
    wanted = theirs.predict(np.concatenate(running))
    np.testing.assert_allclose(found, wanted, atol=0.1)
    # The oracle tells the fit over all steps from one that looks at the last steps alone.
    last = LinearRegression().fit(*of_the_last_step_only(running, y))
    assert not np.allclose(found, last.predict(np.concatenate(running)), atol=0.5)


def test_a_leaky_sum_is_learned_as_no_answer_without_a_memory_can():
    X, new = ragged(80, features=1), ragged(30, seed=1, features=1)

    regressor = SequenceRegressor(
        hidden_size=16, epochs=60, batch_size=8, learning_rate=0.02, random_state=0
    ).fit(X, leaky_sums(X))

    assert regressor.score(new, leaky_sums(new)) > 0.97
    x, y = np.concatenate(new), np.concatenate(leaky_sums(new))
    assert LinearRegression().fit(x, y).score(x, y) < 0.9


@pytest.mark.parametrize("outputs", [None, 2])
def test_the_score_is_scikit_learns_r2_of_all_steps(outputs):
    X = ragged(20)
    y = [x[:, 0] * 100 if outputs is None else x * [100, 1] + 7 for x in X]
    regressor = SequenceRegressor(**SMALL).fit(X, y)
    true, ours = np.concatenate(y), np.concatenate(regressor.predict(X))

    assert regressor.score(X, y) == pytest.approx(r2_score(true, ours), rel=1e-12)

    weights = np.arange(20)
    by_step = np.repeat(weights, [len(x) for x in X])
    weighted = r2_score(true, ours, sample_weight=by_step)
    assert regressor.score(X, y, weights) == pytest.approx(weighted, rel=1e-12)
    assert weighted != pytest.approx(regressor.score(X, y), rel=1e-6)


def test_targets_are_scaled_by_the_statistics_of_all_steps():
    X = ragged(20)
    y = [1e5 + 1e3 * x for x in X]

    *_, scaled = SequenceRegressor(**{**SMALL, "epochs": 1}).fit(X, y).model_.modules()

    np.testing.assert_allclose(scaled.mean, np.concatenate(y).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scaled.scale, np.concatenate(y).std(axis=0), rtol=1e-6)


def test_predictions_have_the_shape_of_y():
    X = ragged(5)
    for tail in [(), (1,), (3,)]:
        y = [np.zeros((len(x), *tail)) for x in X]
        regressor = SequenceRegressor(hidden_size=2, epochs=1).fit(X, y)
        assert regressor.per_step_
        assert [each.shape for each in regressor.predict(X)] == [each.shape for each in y]


@pytest.mark.parametrize("whole", [np.stack, lambda y: torch.tensor(np.stack(y)), list, tuple])
@pytest.mark.parametrize("flat", [True, False])
def test_an_array_of_targets_is_the_same_as_a_list(whole, flat):
    X = [x[:3] for x in ragged(10)]
    y = [x[:, 0] if flat else x for x in X]
    from_list = SequenceRegressor(hidden_size=2, epochs=1, random_state=0).fit(X, y)
    from_whole = clone(from_list).fit(np.stack(X), whole(y))

    assert from_whole.per_step_
    np.testing.assert_array_equal(from_whole.predict(X), from_list.predict(X))
    assert from_whole.score(np.stack(X), whole(y)) == from_list.score(X, y)


def test_every_target_is_met_at_its_own_step_alone_and_in_a_stream():
    X = ragged(30)
    regressor = SequenceRegressor(**SMALL).fit(X, leaky_sums(X))
    x = X[0].astype(np.float32)
    state, found = regressor.model_.initial_state(1), []
    with torch.no_grad():
        for event in torch.from_numpy(x):
            y, state = regressor.model_.step(state, event[None])
            found.append(y.item())

    np.testing.assert_allclose(found, regressor.predict([x])[0], rtol=1e-4, atol=1e-4)
    assert not np.allclose(found[::-1], regressor.predict([x])[0], atol=0.1)


def test_reading_both_ways_sees_what_comes():
    """The target is the next value: one direction cannot know."""
    X, new = ragged(60, features=1), ragged(30, seed=1, features=1)

    def ahead(X):
        return [np.append(x[1:, 0], 0) for x in X]

    both, forward = (
        SequenceRegressor(bidirectional=b, **SMALL).fit(X, ahead(X)).score(new, ahead(new))
        for b in (True, False)
    )
    assert both > 0.6 > 0.3 > forward


def test_it_works_in_scikit_learns_searches_and_in_a_pickle():
    X = ragged(20)
    y = leaky_sums(X)
    regressor = SequenceRegressor(**{**SMALL, "epochs": 2}).fit(X, y)
    again = pickle.loads(pickle.dumps(regressor))

    assert again.score(X, y) == regressor.score(X, y)
    assert np.isfinite(cross_val_score(regressor, X, y, cv=3, error_score="raise")).all()
    search = GridSearchCV(regressor, {"hidden_size": [2, 3]}, cv=2).fit(X, y)
    assert [len(each) for each in search.predict(X)] == [len(x) for x in X]


def test_held_out_sequences_keep_their_steps():
    X = ragged(20)
    regressor = SequenceRegressor(validation_fraction=0.2, **SMALL).fit(X, leaky_sums(X))
    assert len(regressor.history_.validation_loss) == 12


def test_where_both_readings_fit_y_is_per_step_unless_it_is_said():
    X, y = np.zeros((4, 3, 1)), np.arange(12.0).reshape(4, 3)
    options = {"hidden_size": 2, "epochs": 1}

    told = SequenceRegressor(per_step=False, **options).fit(X, y)

    assert SequenceRegressor(**options).fit(X, y).per_step_
    assert not told.per_step_
    assert told.predict(X).shape == (4, 3)
    assert isinstance(told.score(X, y), float)
    assert not SequenceRegressor(**options).fit(X, pd.DataFrame(y[:, :2])).per_step_


X = [np.zeros((2, 1)), np.zeros((3, 1))]
WRONG = {
    "another length": (
        [[0, 1], [0, 1, 2, 3]],
        r"y\[1\] has shape \(4,\), expected \(3,\), a target for every step of X\[1\]",
    ),
    "another number of outputs": (
        [np.zeros((2, 2)), np.zeros((3, 1))],
        r"y\[1\] has shape \(3, 1\), expected \(3, 2\)",
    ),
    "one number among sequences": ([[0, 1], 5], r"y\[1\] has shape \(\), expected \(3,\)"),
    "no outputs": ([np.zeros((2, 0)), np.zeros((3, 0))], r"y\[0\] has shape \(2, 0\)"),
    "too few": ([[0, 1]], "y has 1 entries for 2 sequences"),
    "no list": (3.0, r"y is 3\.0, expected an entry a sequence"),
    "nothing": (None, "y is None, expected an entry a sequence"),
}


@pytest.mark.parametrize(("y", "message"), WRONG.values(), ids=WRONG)
def test_targets_of_another_shape_are_named(y, message):
    with pytest.raises(ShapeError, match=f"SequenceRegressor: {message}"):
        SequenceRegressor().fit(X, y)


def test_targets_that_are_no_finite_numbers_are_named():
    with pytest.raises(DataError, match=r"y\[1\] holds nan at time 2, expected finite numbers"):
        SequenceRegressor().fit(X, [[0, 1], [0, 1, np.nan]])
    with pytest.raises(DataError, match=r"y\[1\] does not hold numbers only"):
        SequenceRegressor().fit(X, [[0, 1], ["a", "b", "c"]])


def test_what_was_said_of_y_is_held_against_it():
    with pytest.raises(ShapeError, match=r"y\[0\] has shape \(1,\), expected \(2,\), a target for"):
        SequenceRegressor(per_step=True).fit(X, [[0], [0]])
    with pytest.raises(ShapeError, match=r"y\[1\] has shape \(3,\), expected \(2,\), as y\[0\]"):
        SequenceRegressor(per_step=False).fit(X, [[0, 1], [0, 1, 2]])
    with pytest.raises(ShapeError, match=r"y\[0\] has shape \(2, 1\).*set per_step=True"):
        SequenceRegressor(per_step=False).fit(X, [np.zeros((2, 1)), np.zeros((3, 1))])


def test_a_score_needs_targets_as_in_fit():
    regressor = SequenceRegressor(hidden_size=2, epochs=1).fit(X, [[0, 1], [0, 1, 2]])
    with pytest.raises(ShapeError, match=r"y\[0\] has shape \(\), expected \(2,\)"):
        regressor.score(X, [0, 1])
    with pytest.raises(ShapeError, match=r"shape \(1,\) at each step, expected \(\), as in fit"):
        regressor.score(X, [np.zeros((2, 1)), np.zeros((3, 1))])


def test_pooling_is_refused_where_there_is_nothing_to_pool():
    with pytest.raises(ValueError, match="pooling is 'mean', but y has a target for every step"):
        SequenceRegressor(pooling="mean").fit(X, [[0, 1], [0, 1, 2]])
