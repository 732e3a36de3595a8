"""Standardisation inside a model, against scikit-learn's scaler."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from recurra import Recurrent, ShapeError, Stack, cells
from recurra.layers import Standardize


def test_there_and_back_match_scikit_learn():
    x = np.random.default_rng(0).normal([5, -3], [2, 0.1], size=(50, 2))
    scaler = StandardScaler().fit(x)
    there = Standardize.of(scaler.mean_, scaler.scale_).double()
    back = Standardize.of(scaler.mean_, scaler.scale_, inverse=True).double()

    y = there(torch.from_numpy(x))

    np.testing.assert_allclose(y, scaler.transform(x), atol=1e-5)
    np.testing.assert_allclose(back(y), x, atol=1e-12)


def test_a_new_one_changes_nothing_and_trains_nothing():
    layer = Standardize(2)
    x = torch.randn(4, 2)

    assert torch.equal(layer(x), x)
    assert not list(layer.parameters())


def test_what_lies_past_a_rows_length_stays_zeros():
    layer = Stack(Standardize.of([5.0], [2.0]), Recurrent(cells.Mean(1)))
    x = torch.tensor([[[7.0], [9.0], [100.0]]])

    y, _ = layer(x, lengths=[2])

    assert y.flatten().tolist() == [1, 1.5, 0]


def test_other_features_are_refused():
    with pytest.raises(ShapeError) as error:
        Standardize(2)(torch.zeros(4, 3))
    assert str(error.value) == (
        "Standardize(input_size=2): x has shape (4, 3), expected (..., 2). "
        "The last axis holds features."
    )


@pytest.mark.parametrize(("mean", "scale"), [([1.0], [1.0, 2.0]), (0.0, 1.0)])
def test_constants_that_do_not_fit_each_other_are_refused(mean, scale):
    shapes = f"mean has shape {np.shape(mean)} and scale {np.shape(scale)}"
    with pytest.raises(ShapeError) as error:
        Standardize.of(mean, scale)
    assert str(error.value) == f"Standardize: {shapes}, expected (input_size,) both."
