"""The LSTM's forget gate; its arithmetic is in test_against_torch.py."""

import pytest
import torch

from recurra import cells


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.5])
def test_the_forget_gates_bias_starts_where_it_is_told(bias):
    cell = cells.LSTM(3, 4, forget_bias=bias)

    i, f, u, o = cell.input.bias.chunk(4)

    assert torch.equal(f, torch.full((4,), bias))
    assert all(other.abs().max() <= 0.5 and other.all() for other in (i, u, o))


def test_the_forget_gates_bias_is_drawn_like_the_others_when_asked():
    _, f, _, _ = cells.LSTM(3, 4, forget_bias=None).input.bias.chunk(4)

    assert f.abs().max() <= 0.5
    assert len(f.unique()) == 4


def test_the_forget_gate_alone_decides_what_the_memory_keeps():
    cell = cells.LSTM(3, 4, forget_bias=1.0)
    with torch.no_grad():
        cell.input.weight.zero_()
        cell.recurrent.weight.zero_()
        cell.input.bias[:4] = -100  # i shut
    start = cells.LSTMState(h=torch.randn(2, 4), c=torch.randn(2, 4))

    c = cell.update(start, torch.randn(2, 3)).c

    torch.testing.assert_close(c, start.c * torch.sigmoid(torch.tensor(1.0)))


def test_gates_are_those_of_the_update():
    cell = cells.LSTM(3, 4).double()
    state = cells.LSTMState(h=torch.randn(2, 4).double(), c=torch.randn(2, 4).double())
    x = torch.randn(2, 3).double()
    gates, new = cell.gates(state, x), cell.update(state, x)
    u = torch.tanh(
        (x @ cell.input.weight.T + cell.input.bias)[:, 8:12]
        + state.h @ cell.recurrent.weight[8:12].T
    )

    torch.testing.assert_close(new.c, gates["f"] * state.c + gates["i"] * u)
    torch.testing.assert_close(new.h, gates["o"] * torch.tanh(new.c))
