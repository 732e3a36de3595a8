"""Every estimator keeps scikit-learn's conventions; scikit-learn's own checks say so."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

import recurra as rc
from recurra.training.estimators import (
    Forecaster,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)

# Those of scikit-learn's checks that do not feed tables to an estimator of sequences.
CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_get_params_invariance",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
]


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_check_passes(case, check):
    if not hasattr(estimator_checks, check):
        pytest.skip(f"this scikit-learn has no {check}")
    getattr(estimator_checks, check)(case.kind.__name__, case.make())


def test_that_check_notices_an_attribute_set_in_the_constructor():
    class Wrong(SequenceClassifier):
        def __init__(self):
            super().__init__()
            self.seen_ = 0

    with pytest.raises(AssertionError):
        estimator_checks.check_no_attributes_set_in_init("Wrong", Wrong())


def test_cross_validation_scores_every_fold(case):
    scores = cross_val_score(case.make(epochs=2), case.X, case.y, cv=3, error_score="raise")
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_a_grid_search_tries_the_parameters_and_refits(case):
    search = GridSearchCV(
        case.make(epochs=1), {"hidden_size": [3, 5], "scale": [True, False]}, cv=2
    )
    search.fit(case.X, case.y)
    assert set(search.best_params_) == {"hidden_size", "scale"}
    assert len(case.predicted(search)) == len(case.predicted(search.best_estimator_))


def test_it_stands_behind_a_transformer_of_lists(case):
    shift = FunctionTransformer(lambda X: [x - 1 for x in X])
    pipeline = make_pipeline(shift, case.make(epochs=2)).fit(case.X, case.y)
    alone = case.make(epochs=2).fit([x - 1 for x in case.X], case.y)
    before = [x - 1 for x in case.X]
    np.testing.assert_array_equal(case.predicted(pipeline), case.predicted(alone, before))


def test_predicting_before_fit_says_so(case):
    with pytest.raises(NotFittedError, match=case.kind.__name__):
        case.make().predict(case.X)


def test_fit_sets_the_conventional_attributes(case):
    estimator = case.make(epochs=3)
    assert estimator.fit(case.X, case.y) is estimator
    assert estimator.n_features_in_ == 2
    assert estimator.n_iter_ == 3 == len(estimator.history_.train_loss)
    assert isinstance(estimator.model_, rc.Stack)
    assert not estimator.model_.training


def test_a_clone_is_unfitted_and_learns_the_same(case):
    first = case.fitted()
    twin = clone(first)
    assert not hasattr(twin, "model_")
    np.testing.assert_array_equal(case.predicted(twin.fit(case.X, case.y)), case.predicted(first))


def test_another_random_state_learns_something_else(case):
    weights = [case.fitted(epochs=1, random_state=seed).model_.state_dict() for seed in (0, 1)]
    assert any(not torch.equal(a, b) for a, b in zip(*(w.values() for w in weights), strict=True))


def test_fitting_leaves_the_global_random_numbers_alone(case):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    case.fitted(epochs=1, noise=0.1, recurrent_dropout=0.1, validation_fraction=0.2)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_fitting_leaves_the_data_alone(case):
    before = [x.copy() for x in case.X]
    case.fitted(epochs=1)
    assert all(np.array_equal(x, b) for x, b in zip(case.X, before, strict=True))


def test_a_pickled_estimator_predicts_the_same(case):
    estimator = case.fitted(epochs=1)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(case.predicted(again), case.predicted(estimator))


def test_each_sequence_is_answered_in_its_place(case):
    estimator = case.fitted()
    together = estimator.predict(case.X)
    alone = [estimator.predict([x])[0] for x in case.X]
    if together[0].dtype.kind == "U":
        assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
        swapped = zip(together[::-1], alone, strict=True)
        assert any(not np.array_equal(a, b) for a, b in swapped)
    else:
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
        assert not np.allclose(together[::-1], alone, rtol=1e-2)


def test_one_array_is_the_same_as_a_list(case):
    X = np.stack([x[:3] for x in case.X])
    y = [each[:3] for each in case.y] if case.kind is SequenceTagger else case.y
    from_array, from_list = (case.make(epochs=1).fit(data, y) for data in (X, list(X)))
    np.testing.assert_array_equal(case.predicted(from_array, X), case.predicted(from_list, list(X)))


def test_tags_say_what_it_is():
    kinds = [SequenceClassifier(), SequenceRegressor(), SequenceTagger(), Forecaster()]
    assert [is_classifier(kind) for kind in kinds] == [True, False, False, False]
    assert [is_regressor(kind) for kind in kinds] == [False, True, False, False]
    assert SequenceTagger().__sklearn_tags__().input_tags.three_d_array
    assert not SequenceClassifier().__sklearn_tags__().input_tags.two_d_array
    assert not Forecaster().__sklearn_tags__().target_tags.required


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", rc.cells.Elman])
def test_any_cell_can_be_asked_for(case, cell):
    model = case.fitted(epochs=1, cell=cell, layers=2, recurrent_dropout=0.1).model_
    wanted = {"elman": rc.cells.Elman, "lstm": rc.cells.LSTM, "gru": rc.cells.GRU}.get(cell, cell)
    assert sum(type(module) is wanted for module in model.modules()) == 2


def test_patience_stops_early_on_the_held_out_part(case):
    estimator = case.fitted(epochs=60, patience=1, validation_fraction=0.3, learning_rate=0.3)
    assert estimator.n_iter_ < 60
    assert len(estimator.history_.validation_loss) == estimator.n_iter_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cell": "transformer"}, "cell is 'transformer', expected one of 'elman', 'gru', 'lstm'"),
        ({"epochs": 0}, "epochs is 0, expected 1 or more"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0, expected a share"),
        ({"patience": 3}, "nothing is held out to watch. Set validation_fraction"),
    ],
)
def test_a_wrong_parameter_is_refused_when_fitting(case, parameters, message):
    with pytest.raises(ValueError, match=message):
        case.fitted(**parameters)


def interrupted(*_args, **_kwargs):
    return rc.training.History(train_loss=[1.0], stopped="interrupt")


def test_ctrl_c_goes_on_once_the_model_is_kept(case, monkeypatch):
    monkeypatch.setattr("recurra.training.estimators.base.fit", interrupted)
    estimator = case.make()
    with pytest.raises(KeyboardInterrupt, match="interrupted after 1 epochs"):
        estimator.fit(case.X, case.y)
    assert len(case.predicted(estimator))


def test_ctrl_c_ends_a_search_in_its_first_fold(case, monkeypatch):
    fits = []
    monkeypatch.setattr(
        "recurra.training.estimators.base.fit", lambda *_, **__: fits.append(1) or interrupted()
    )
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(case.make(), {"hidden_size": [3, 5]}, cv=2).fit(case.X, case.y)
    assert len(fits) == 1
