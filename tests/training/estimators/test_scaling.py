"""Scaling is what StandardScaler does to the training data, inside the model."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from recurra.layers import Standardize
from recurra.training.estimators import Forecaster, SequenceClassifier, SequenceRegressor


def scalers(model):
    return [module for module in model.modules() if isinstance(module, Standardize)]


def test_inputs_are_scaled_as_standard_scaler_scales_the_training_data(case):
    model = case.fitted(epochs=1).model_
    seen = [x[:-1] for x in case.X] if case.kind is Forecaster else case.X
    theirs = StandardScaler().fit(np.concatenate(seen))
    x = torch.tensor(case.X[0], dtype=torch.float32)
    np.testing.assert_allclose(scalers(model)[0](x), theirs.transform(case.X[0]), atol=1e-5)


def test_that_oracle_notices_a_scaling_that_saw_the_test_data(case):
    test = [x + 5 for x in case.X]
    leaked = StandardScaler().fit(np.concatenate([*case.X, *test]))
    ours = scalers(case.fitted(epochs=1).model_)[0]
    assert not np.allclose(ours.mean, leaked.mean_, atol=0.1)


def test_what_is_held_out_for_validation_does_not_scale():
    series = np.concatenate([np.arange(80.0) % 7, 1000 + np.arange(20.0)])
    model = Forecaster(epochs=1, hidden_size=4, validation_fraction=0.2).fit(series).model_
    assert scalers(model)[0].mean.item() == pytest.approx(np.mean(series[:79]), rel=1e-5)
    assert np.mean(series) > 100


def test_a_random_held_out_part_does_not_scale_either():
    X = [np.array([[1000.0 * k]]) for k in range(20)]
    model = SequenceRegressor(epochs=1, hidden_size=4, validation_fraction=0.5, random_state=0)
    ours = scalers(model.fit(X, np.arange(20)).model_)[0]
    back = scalers(model.model_)[1]
    assert ours.mean.item() == pytest.approx(1000 * back.mean.item())  # the same ten sequences
    assert ours.mean.item() != pytest.approx(np.mean(X))


def test_without_scale_the_model_has_no_scaling(case):
    assert scalers(case.fitted(epochs=1, scale=False).model_) == []


def test_units_do_not_matter(case):
    """The same data in other units give the same answers, in those units."""
    units = np.array([1e3, 1e-3])
    plain, other = case.fitted(), case.make().fit([x * units for x in case.X], case.y)
    if case.kind is Forecaster:
        theirs = other.predict([x * units for x in case.X]) / units
        np.testing.assert_allclose(theirs, plain.predict(case.X), rtol=1e-2, atol=1e-2)
    elif case.kind is SequenceClassifier:
        theirs = other.predict_proba([x * units for x in case.X])
        np.testing.assert_allclose(theirs, plain.predict_proba(case.X), atol=1e-2)


def test_a_constant_feature_is_no_trouble(case):
    X = [np.column_stack([x, np.full(len(x), 3.0)]) for x in case.X]
    assert scalers(case.make(epochs=1).fit(X, case.y).model_)[0].scale[-1] == 1


def test_noise_is_for_training_only(case):
    model = case.fitted(epochs=1, noise=1.0).model_
    assert all(type(module).__name__ != "Noise" for module in model.modules())
