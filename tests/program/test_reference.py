"""The reference runs whole programs as torch runs the same layers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import recurra as rc
from recurra.errors import ProgramError
from recurra.program import evaluate, run_sequence, verify
from tests.program.made import lstm, softmax


def weights_of(layer):
    return {name: w.detach().numpy() for name, w in layer.cell.state_dict().items()}


def run_both(layer, program, rows, time, lengths, reset):
    x = torch.randn(rows, time, 3, dtype=torch.float64)
    start = {name: np.random.default_rng(1).normal(size=(rows, 4)) for name in ("h", "c")}
    zeros = {name: np.zeros((rows, 4)) for name in ("h", "c")}
    ours, end = run_sequence(
        program, {"x": x.numpy()}, start, weights_of(layer),
        lengths=lengths, reset=reset.numpy(), start=zeros,
    )  # fmt: skip
    state = rc.cells.LSTMState(*(torch.from_numpy(start[name]) for name in ("h", "c")))
    with torch.no_grad():
        theirs, final = layer(x, state, lengths=lengths, reset=reset)
    return (ours["y"], end["h"], end["c"]), (theirs.numpy(), final.h.numpy(), final.c.numpy())


@given(st.data())
def test_an_lstm_runs_as_torch_runs_it_with_any_lengths_and_resets(data):
    rows, time = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    lengths = data.draw(st.lists(st.integers(0, time), min_size=rows, max_size=rows))
    reset = torch.rand(rows, time) < 0.3
    layer = rc.Recurrent(rc.cells.LSTM(3, 4)).double()

    ours, theirs = run_both(layer, lstm(3, 4), rows, time, lengths, reset)

    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-12)


def test_that_check_notices_swapped_gates(monkeypatch):
    def swapped(layer):
        right = {name: w.detach().numpy() for name, w in layer.cell.state_dict().items()}
        return {name: np.concatenate([w[4:8], w[:4], w[8:]]) for name, w in right.items()}

    layer = rc.Recurrent(rc.cells.LSTM(3, 4)).double()
    monkeypatch.setattr(f"{__name__}.weights_of", swapped)

    ours, theirs = run_both(layer, lstm(3, 4), 2, 3, [3, 2], torch.zeros(2, 3, dtype=torch.bool))

    assert not np.allclose(ours[0], theirs[0])


def test_softmax_agrees_with_torch():
    x = np.random.default_rng(0).normal(scale=30, size=(5, 6))

    ours = evaluate(softmax(6), x={"x": x})["y", "y"]

    np.testing.assert_allclose(ours, torch.from_numpy(x).softmax(-1), rtol=1e-13)


def test_a_row_with_nan_leaves_the_others_alone():
    x = np.ones((3, 6))
    x[1, 2] = np.nan

    y = evaluate(softmax(6), x={"x": x})["y", "y"]

    assert np.isnan(y[1]).all()
    np.testing.assert_allclose(y[[0, 2]], 1 / 6, rtol=1e-15)


def test_the_text_reads_as_the_equations_do():
    assert str(lstm(3, 4)).splitlines()[6:9] == [
        "%6 = matvec(%3, %0, transposed=False) float[16]",
        "%7 = matvec(%4, %1, transposed=False) float[16]",
        "%8 = add(%6, %7) float[16]",
    ]
    verify(lstm(3, 4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "evaluate: x 'x' is missing."),
        ({"x": np.zeros((2, 5))}, "evaluate: x 'x' has shape (2, 5), expected (rows, 6)."),
    ],
)
def test_wrong_inputs_are_named(given, message):
    with pytest.raises(ProgramError) as error:
        evaluate(softmax(6), x=given)

    assert str(error.value) == message
