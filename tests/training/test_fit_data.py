"""What fit says about data it cannot use."""

import numpy as np
import pytest
import torch
from torch import nn

import recurra as rc
from recurra.errors import DataError, ShapeError
from recurra.training import fit
from tests.training.small import a_model, ragged

X = np.zeros((4, 2), np.float32)
Y = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (3, {}, r"data is a int, expected a list of sequences or a torch DataLoader"),
        ([], {}, r"data is empty, expected at least one sequence"),
        ([(X, Y), (X, Y[:3])], {}, r"data\[1\] has x of 4 steps and y of 3, expected one y a step"),
        ([(X, 1.0)], {}, r"data\[0\] has one y for the whole sequence.*target='last'"),
        ([(X[0], Y)], {}, r"data\[0\] has x of shape \(2,\), expected \(time, feature\)"),
        ([(X[None], Y)], {}, r"x of shape \(1, 4, 2\).*list\(zip\(xs, ys\)\)"),
        ([(X[:, :1], Y)], {}, r"x of shape \(4, 1\), expected \(time, 2\)"),
        ([(X[:0], Y[:0])], {}, r"data\[0\] has no steps"),
        ([X], {}, r"data\[0\] is a ndarray of shape \(4, 2\), expected a pair.*target='next'"),
        ([(["a"], Y)], {}, r"data\[0\], x is not an array of numbers"),
        ([(X, Y), (X, np.zeros((4, 1)))], {}, r"data\[1\] has y with \(1,\) features"),
        ([(X, np.zeros((4, 1, 1)))], {}, r"y of shape \(4, 1, 1\), expected 1 or 2 axes"),
        ([(X, Y, Y[:2])], {}, r"weight of shape \(2,\), expected \(4,\)"),
        ([(X, Y, Y - 1)], {}, r"negative or non-finite weight"),
        ([(X, Y, Y * 0)], {}, r"no answer that counts"),
        ([(X, Y)], {"loss": "cross_entropy"}, r"classes as whole numbers.*y\.astype\(int\)"),
        ([(X, np.full(4, -1))], {"loss": "cross_entropy"}, r"class -1, expected 0 and up, or -100"),
        ([(X, np.eye(4, dtype=int))], {"loss": "cross_entropy"}, r"y\.argmax\(-1\)"),
        ([(X, Y + 2)], {"loss": "bce"}, r"y outside 0 to 1"),
        ([(X, Y)], {"target": "next"}, r"data\[0\] is a tuple, expected a sequence x alone"),
        ([X[:1]], {"target": "next"}, r"data\[0\] has 1 step, expected at least 2"),
        ([(X, Y)], {"validation": []}, r"validation is empty"),
        ([(X, Y)], {"validation": [(X, Y[:2])]}, r"validation\[0\] has x of 4 steps"),
    ],
)  # fmt: skip
def test_unusable_data_are_refused_by_name(data, options, message):
    options = {"loss": "mse", **options}

    with pytest.raises((DataError, ShapeError), match=message):
        fit(a_model(), data, epochs=1, **options)


def test_feature_counts_must_agree_where_the_model_does_not_say():
    with pytest.raises(ShapeError, match=r"data\[1\] has x with \(1,\) features, and data\[0\]"):
        fit(nn.LSTM(2, 1, batch_first=True), [(X, Y), (X[:, :1], Y)], "mse")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "first"}, "target is 'first', expected 'steps', 'last' or 'next'"),
        ({"loss": "hinge"}, "loss is 'hinge', expected 'cross_entropy', 'mse', 'bce'"),
        ({"epochs": -1}, "epochs is -1, expected at least 0"),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"clip_norm": 0}, "clip_norm is 0, expected above 0, or None"),
        ({"patience": 0, "validation": [(X, Y)]}, "patience is 0, expected at least 1"),
        ({"patience": 3}, "patience is 3 and validation is None"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(a_model(), [(X, Y)], **{"loss": "mse", **options})


def test_optimizers_and_schedules_already_made_are_refused():
    made = torch.optim.SGD(a_model().parameters(), lr=0.1)
    steps = torch.optim.lr_scheduler.StepLR(made, 2)

    with pytest.raises(TypeError, match=r"optimizer is a SGD.*Pass lambda weights: SGD\(weights, "):
        fit(a_model(), [(X, Y)], "mse", optimizer=made)
    with pytest.raises(
        TypeError, match=r"schedule is a StepLR.*Pass lambda optimizer: StepLR\(optimizer, "
    ):
        fit(a_model(), [(X, Y)], "mse", schedule=steps)
    with pytest.raises(TypeError, match=r"optimizer is a str.*Pass lambda weights: SGD\(weights, "):
        fit(a_model(), [(X, Y)], "mse", optimizer="adam")
    with pytest.raises(TypeError, match=r"LBFGS, which asks for the loss several times a step"):
        fit(a_model(), [(X, Y)], "mse", optimizer=torch.optim.LBFGS)


def test_models_that_cannot_be_trained_are_refused():
    with pytest.raises(TypeError, match="model is a function"):
        fit(a_model, [(X, Y)], "mse")
    with pytest.raises(ValueError, match="without weights that learn"):
        fit(rc.Recurrent(rc.cells.Mean(2)), [(X, X)], "mse")
    with pytest.raises(ValueError, match="Make it with batch_first=True"):
        fit(nn.LSTM(2, 1), [(X, Y)], "mse")
    with pytest.raises(ShapeError, match=r"answered with shape \(1, 4, 2, 1\)"):
        fit(nn.Sequential(nn.Linear(2, 2), nn.Unflatten(2, (2, 1))), [(X, Y)], "mse")


@pytest.mark.parametrize(
    "array",
    [X.astype(np.float64), X.astype(int), X.astype(bool), X[::-1], X.tolist(), X.T.copy().T],
)
def test_arrays_of_any_kind_become_the_models_numbers(array):
    fit(a_model(), [(array, Y)], "mse", epochs=1)


def test_read_only_arrays_are_taken_without_a_warning():
    frozen = X.copy()
    frozen.setflags(write=False)

    fit(a_model(), [(frozen, Y)], "mse", epochs=1)


def test_a_model_in_double_precision_gets_doubles():
    history = fit(a_model().double(), [(X, Y)], "mse", epochs=1)

    assert history.epochs == 1


def test_the_data_are_not_changed():
    data = ragged()
    before = [(x.clone(), y.clone()) for x, y in data]

    fit(a_model(), data, "mse", epochs=2, batch_size=2)

    assert all(
        torch.equal(a, b)
        for p, q in zip(data, before, strict=True)
        for a, b in zip(p, q, strict=True)
    )
