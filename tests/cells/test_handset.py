"""`Repeats` and `Seen` against a loop with a variable and a set; `Mean` against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra import Recurrent, cells

words = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def answers(cell, symbols):
    y, _ = Recurrent(cell)(torch.eye(5)[torch.tensor(symbols)])
    return y[:, 0].tolist()


def repeats(symbols):
    last, told = None, []
    for symbol in symbols:
        told.append(float(symbol == last))
        last = symbol
    return told


def seen(symbols):
    met, told = set(), []
    for symbol in symbols:
        told.append(float(symbol in met))
        met.add(symbol)
    return told


@given(words)
def test_repeats_answers_whether_a_symbol_equals_the_one_before(symbols):
    assert answers(cells.Repeats(5), symbols) == repeats(symbols)


@given(words)
def test_seen_answers_whether_a_symbol_came_before(symbols):
    assert answers(cells.Seen(5), symbols) == seen(symbols)


@pytest.mark.parametrize(("cell", "oracle"), [(cells.Repeats, repeats), (cells.Seen, seen)])
def test_that_oracle_notices_g_before_f(cell, oracle):
    class AnswersFirst(cell):
        def update(self, state, x):
            self.late = self.cell.output(state, x)
            return super().update(state, x)

        def output(self, state, x):
            return self.late

    broken = AnswersFirst(5)
    broken.cell = cell(5)

    with pytest.warns(UserWarning, match="changes its attribute 'late' in a step"):
        assert answers(broken, [1, 1, 2, 1]) != oracle([1, 1, 2, 1])


def test_that_oracle_notices_a_state_carried_over():
    layer = Recurrent(cells.Seen(5))
    x = torch.eye(5)[torch.tensor([[3, 1]])]
    _, state = layer(x)

    assert layer(x)[0].flatten().tolist() == seen([3, 1])
    assert layer(x, state)[0].flatten().tolist() != seen([3, 1])


def test_mean_answers_the_mean_of_all_inputs_so_far():
    x = np.random.default_rng(0).normal(size=(40, 3))
    wanted = np.cumsum(x, axis=0) / np.arange(1, 41)[:, None]

    y, state = Recurrent(cells.Mean(3).double())(torch.from_numpy(x))

    np.testing.assert_allclose(y, wanted, rtol=0, atol=1e-12)
    assert state.count.item() == 40


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_mean_in_low_precision_still_moves_after_many_inputs(dtype):
    # A count in bfloat16 stops at 256, and so does a mean that moves by less than 1/256 of itself.
    x = torch.cat([torch.zeros(1, 1000, 1), torch.ones(1, 3000, 1)], dim=1).to(dtype)

    y, state = Recurrent(cells.Mean(1).to(dtype))(x)

    assert y.dtype == dtype
    assert state.count.item() == 4000
    assert y[0, -1].item() == 0.75


def test_a_mean_whose_count_is_full_goes_on_as_a_running_average():
    cell = cells.Mean(1)
    full = cells.MeanState(mean=torch.ones(1, 1), count=torch.full((1, 1), 2.0**24))

    y, state = cell.step(full, torch.full((1, 1), 1.0 + 2**10))

    assert state.count.item() == 2**24
    assert y.item() == 1 + 2**-14
