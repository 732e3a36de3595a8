"""Cells from papers, in plain torch, become programs that answer and learn as torch does."""

import numpy as np
import pytest
import torch

import recurra as rc
from recurra.cells.state import map_state, named_slots
from recurra.compiler import trace
from recurra.program import run_sequence
from tests.compiler.agree import numpy_of
from tests.compiler.papers import CELLS, PeepholeLSTM
from tests.compiler.test_differentiate import assert_gradients_through_time

ROWS, TIME = 3, 5
every_cell = pytest.mark.parametrize("make", CELLS, ids=lambda make: make.__name__)


def made(make):
    torch.manual_seed(0)
    layer = rc.Recurrent(make()).double()
    x = torch.randn(ROWS, TIME, layer.input_size, dtype=torch.float64)
    with torch.no_grad():
        _, state = layer(torch.randn_like(x))
    return layer, x, state


def assert_answers_as_torch(layer, x, state):
    traced = trace(layer)
    lengths, reset = [TIME, 0, 3], torch.rand(ROWS, TIME) < 0.3
    with torch.no_grad():
        y, end = layer(x, state, lengths=lengths, reset=reset)
        start = layer.initial_state(ROWS)

    found, after = run_sequence(
        traced.program, {"x": x.numpy()}, numpy_of(named_slots(state)), numpy_of(traced.weights),
        lengths=lengths, reset=reset.numpy(), start=numpy_of(named_slots(start)),
    )  # fmt: skip

    np.testing.assert_allclose(found["y"], y, rtol=1e-11, atol=1e-12)
    for name, slot in named_slots(end).items():
        np.testing.assert_allclose(after[name], slot, rtol=1e-11, atol=1e-12)


@every_cell
def test_a_paper_s_cell_answers_as_in_torch(make):
    assert_answers_as_torch(*made(make))


@every_cell
def test_a_paper_s_cell_has_the_gradients_of_autograd(make):
    layer, x, state = made(make)

    assert_gradients_through_time(layer, x, map_state(torch.clone, state))


def test_that_check_notices_a_peephole_that_looks_at_the_old_memory(monkeypatch):
    class Late(PeepholeLSTM):
        def update(self, state, x):
            new = super().update(state, x)
            late = super().update(state._replace(c=state.c + 1e-6), x)
            return new._replace(h=late.h)

    layer, x, state = made(PeepholeLSTM)
    wrong = rc.Recurrent(Late()).double()
    wrong.load_state_dict(layer.state_dict())
    traced = trace(wrong)
    monkeypatch.setattr(f"{__name__}.trace", lambda _: traced)

    with pytest.raises(AssertionError):
        assert_answers_as_torch(layer, x, state)
