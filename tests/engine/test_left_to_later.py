"""Products made with the one that goes on from them, where there are rows enough: the same bits."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from recurra import Cell, Recurrent, Stack, cells
from recurra.compiler import trace
from tests.engine.direct import compiled_of, drawn, rows_of, run

ROWS = 40  # enough


class SeenTwice(cells.Elman):
    """What the loop goes on from is an answer too."""

    def output(self, state, x):
        return state.h + self.input(x)


class Squared(cells.Elman):
    """What the loop goes on from is read once more in it."""

    def update(self, state, x):
        drive = self.input(x)
        return type(state)(h=torch.tanh(drive + self.recurrent(state.h)) * drive)


class Doubly(cells.Elman):
    """Two products in the loop go on from one over all times."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.other = nn.Linear(hidden_size, hidden_size, bias=False)

    def update(self, state, x):
        drive = self.input(x)
        one = drive + self.recurrent(state.h)
        return type(state)(h=torch.tanh(one) - torch.sigmoid(drive + self.other(state.h)))


class Thrice(Doubly):
    """Three products in a row, each added onto the one before."""

    def update(self, state, x):
        other = self.other(torch.sigmoid(state.h))
        return type(state)(h=torch.tanh(self.input(x) + self.recurrent(state.h) + other))


class PairState(NamedTuple):
    one: torch.Tensor
    other: torch.Tensor


class Pair(Cell):
    """Two states without a function between: the second product writes what the first one reads."""

    def __init__(self, input_size, size):
        super().__init__()
        self.input_size, self.size = input_size, size
        self.of_one = nn.Linear(size, size, bias=False)
        self.of_other = nn.Linear(size, size, bias=False)

    def initial_state(self, batch):
        return PairState(self.zeros(batch, self.size), self.zeros(batch, self.size))

    def update(self, state, x):
        one = self.of_one(state.one) + self.of_other(state.other)
        return PairState(one, torch.tanh(state.other - one) + x[:, :1])

    def output(self, state, x):
        return state.one + state.other


LAYERS = {
    "Elman": lambda: Recurrent(cells.Elman(5, 37)),
    "LSTM": lambda: Recurrent(cells.LSTM(37, 16)),
    "GRU": lambda: Recurrent(cells.GRU(5, 16)),
    "two LSTMs": lambda: Stack(Recurrent(cells.LSTM(5, 16)), Recurrent(cells.LSTM(16, 9))),
    "seen twice": lambda: Recurrent(SeenTwice(5, 16)),
    "squared": lambda: Recurrent(Squared(5, 16)),
    "doubly": lambda: Recurrent(Doubly(5, 16)),
    "thrice": lambda: Recurrent(Thrice(5, 16)),
    "pair": lambda: Recurrent(Pair(5, 40)),
    "GRU over LSTM": lambda: Stack(Recurrent(cells.LSTM(5, 16)), Recurrent(cells.GRU(16, 20))),
}


@pytest.mark.parametrize("masks", [False, True], ids=["whole", "lengths and resets"])
@pytest.mark.parametrize("train", [False, True], ids=["answers", "training"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_many_rows_have_the_bits_of_each_alone(name, dtype, train, masks):
    compiled = compiled_of(trace(LAYERS[name]()).program, dtype)
    on, draw = drawn(compiled, ROWS, 9), np.random.default_rng(1)
    if masks:
        reset = draw.random((ROWS, 9)) < 0.2
        on = on._replace(lengths=draw.integers(0, 10, ROWS), reset=reset)

    whole = run(compiled, on, train=train)

    for row in range(ROWS):
        alone = run(compiled, rows_of(on, [row]))
        assert alone.y.tobytes() == whole.y[row].tobytes()
        ends = [each[row].tobytes() for each in whole.finals]
        assert [each.tobytes() for each in alone.finals] == ends


@pytest.mark.parametrize("name", LAYERS)
def test_what_they_keep_gives_torchs_gradients(name):
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    x = torch.randn(ROWS, 9, layer.input_size, dtype=torch.float64, requires_grad=True)
    weighting, wanted = torch.randn_like(layer(x)[0]), (x, *layer.parameters())

    def gradients(engine):
        y, _ = layer.use_engine(engine)(x)
        return torch.autograd.grad((y * weighting).sum(), wanted)

    assert_close(gradients("native"), gradients("torch"), rtol=1e-10, atol=1e-10)
