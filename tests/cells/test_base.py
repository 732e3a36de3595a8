"""What `Cell` gives to a cell of one's own."""

import pytest
import torch
from torch import nn

from recurra import Cell, Recurrent, cells
from recurra.cells.base import Described


class Bare(Cell):
    pass


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("initial_state", (1,)), ("update", (None, None)), ("output", (None, None))],
)
def test_a_method_left_out_is_named(method, arguments):
    with pytest.raises(NotImplementedError) as error:
        getattr(Bare(), method)(*arguments)
    assert str(error.value) == f"Bare does not define {method}."


def test_step_updates_first_and_answers_from_the_updated_state():
    told = []

    class Telling(Cell):
        def update(self, state, x):
            told.append(("update", state, x))
            return state + x

        def output(self, state, x):
            told.append(("output", state, x))
            return 10 * state

    assert Telling().step(1, 2) == (30, 3)
    assert told == [("update", 1, 2), ("output", 3, 2)]


def test_zeros_follow_the_weights():
    cell = cells.GRU(3, 4)

    assert cell.zeros(2, 3, 5).shape == (2, 3, 5)
    assert cell.zeros(2).dtype == torch.float32
    assert cell.double().zeros(2).dtype == torch.float64
    assert cell.to("meta").zeros(2).device.type == "meta"


def test_a_cell_without_weights_follows_to_only_when_it_asked_to():
    assert cells.Mean(1).double().zeros(1).dtype == torch.float64
    assert Bare().double().zeros(1).dtype == torch.float32
    assert not cells.Mean(1).state_dict()


def test_a_layer_runs_on_the_meta_device():
    layer = Recurrent(cells.LSTM(3, 4)).to("meta")

    y, state = layer(torch.zeros(2, 5, 3, device="meta"))

    assert y.shape == (2, 5, 4)
    assert state.c.device.type == "meta"


def test_repr_shows_options_and_leaves_modules_to_torch():
    class Many(Described):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Tanh()])

        def config(self):
            return {
                "size": 3,
                "rates": {"h": 0.5},
                "sizes": [1, 2],
                "parts": list(self.parts),
                "by_name": {"one": self.parts[0]},
            }

    assert Many().extra_repr() == "size=3, rates={'h': 0.5}, sizes=[1, 2]"


@pytest.mark.parametrize(
    ("cell", "signature"),
    [
        (cells.GRU(3, 4, reset="before"), "GRU(input_size=3, hidden_size=4)"),
        (cells.Repeats(5), "Repeats(symbols=5)"),
        (cells.Mean(2), "Mean(size=2)"),
        (cells.Zoneout(cells.Mean(2), 0.5), "Zoneout(Mean(size=2))"),
        (Bare(), "Bare()"),
    ],
)
def test_the_name_in_error_messages_has_the_sizes(cell, signature):
    assert cell.signature() == signature
