"""Every cell, every option that is not the default, and every layer: one row each.

A row enters its layer into all the contracts of this folder.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from recurra import Bidirectional, Cell, Recurrent, Residual, Stack, cells
from recurra.layers import Layer, Standardize
from tests.contracts.homemade import Directions, FastWeights, FeedThrough, LastInput, Leaky


@dataclass(frozen=True)
class Row:
    """A layer and what it promises less, or more, than the others."""

    name: str
    make: Callable[[], Layer]
    x: str = "features"  # or "symbols", one-hot, or "indices"
    size: int = 3  # features of x, or the size of the alphabet
    same_bits: bool = True  # stepping equals the sequence to the bit, not only closely
    streams: bool = True
    noisy: bool = False  # answers at random while it trains
    learns: bool = True
    is_cell: bool = False


def _cell(name: str, make: Callable[[], Cell], **promises) -> Row:
    return Row(name, lambda: Recurrent(make()), is_cell=True, **promises)


def _learned(cell: Cell) -> cells.InitialState:
    start = cells.InitialState(cell, learned=True)
    for value in list(start.parameters(recurse=False)):
        nn.init.normal_(value)
    return start


def _given(cell: cells.LSTM) -> cells.InitialState:
    size = cell.hidden_size
    return cells.InitialState(cell, cells.LSTMState(h=torch.randn(size), c=torch.randn(size)))


ROWS = [
    _cell("Elman", lambda: cells.Elman(3, 4)),
    _cell("Elman relu", lambda: cells.Elman(3, 4, nonlinearity="relu")),
    _cell(
        "Elman identity_start",
        lambda: cells.Elman(3, 4, nonlinearity="relu", identity_start=True),
    ),
    _cell("LSTM", lambda: cells.LSTM(3, 4)),
    _cell("LSTM forget_bias=0", lambda: cells.LSTM(3, 4, forget_bias=0.0)),
    _cell("LSTM forget_bias=None", lambda: cells.LSTM(3, 4, forget_bias=None)),
    _cell("GRU", lambda: cells.GRU(3, 4)),
    _cell("GRU reset=before", lambda: cells.GRU(3, 4, reset="before")),
    _cell("Repeats", lambda: cells.Repeats(3), x="symbols", learns=False),
    _cell("Seen", lambda: cells.Seen(3), x="symbols", learns=False),
    _cell("Mean", lambda: cells.Mean(3), learns=False),
    _cell("InitialState", lambda: _given(cells.LSTM(3, 4))),
    _cell("InitialState learned", lambda: _learned(cells.LSTM(3, 4))),
    _cell("Zoneout", lambda: cells.Zoneout(cells.GRU(3, 4), 0.3), noisy=True),
    _cell(
        "Zoneout by slot",
        lambda: cells.Zoneout(cells.LSTM(3, 4), {"h": 0.1, "c": 0.5}),
        noisy=True,
    ),
    _cell(
        "VariationalDropout input",
        lambda: cells.VariationalDropout(cells.GRU(3, 4), input=0.4),
        noisy=True,
    ),
    _cell(
        "VariationalDropout recurrent",
        lambda: cells.VariationalDropout(cells.GRU(3, 4, reset="before"), recurrent=0.4),
        noisy=True,
    ),
    _cell(
        "VariationalDropout both",
        lambda: cells.VariationalDropout(cells.LSTM(3, 4), input=0.3, recurrent=0.3),
        noisy=True,
    ),
    _cell(
        "wrappers in wrappers",
        lambda: cells.VariationalDropout(
            cells.Zoneout(
                cells.VariationalDropout(_learned(cells.LSTM(3, 4)), recurrent=0.2),
                {"c": 0.2},
            ),
            input=0.2,
            recurrent=0.2,
        ),
        noisy=True,
    ),
    _cell("a dataclass with a matrix", lambda: FastWeights(3, 4)),
    _cell("one tensor", lambda: Leaky(3, 4)),
    _cell("feed-through", lambda: FeedThrough(3, 4)),
    _cell("division by a norm", lambda: Directions(3, 4)),
    _cell("x kept in plain tuples", lambda: LastInput(3), learns=False),
    _cell("Zoneout of one tensor", lambda: cells.Zoneout(Leaky(3, 4), 0.5), noisy=True),
    Row(
        "Stack",
        lambda: Stack(
            Standardize.of(mean=[0.1, 0.2, 0.3], scale=[1.0, 2.0, 3.0]),
            nn.Linear(3, 4),
            Recurrent(cells.LSTM(4, 5)),
            nn.LayerNorm(5),
            nn.Dropout(0.5),
            Residual(Recurrent(cells.GRU(5, 5))),
            nn.Sequential(nn.Linear(5, 2), nn.Tanh()),
        ),
        same_bits=False,
        noisy=True,
    ),
    Row(
        "Stack of stacks",
        lambda: Stack(
            Stack(Recurrent(cells.GRU(3, 4)), nn.ReLU()),
            Residual(Stack(Recurrent(Leaky(4, 4)), nn.Linear(4, 4))),
            Recurrent(cells.Mean(4)),
        ),
        same_bits=False,
    ),
    Row(
        "Stack after Embedding",
        lambda: Stack(nn.Embedding(6, 3), Recurrent(cells.GRU(3, 4)), nn.Linear(4, 6)),
        x="indices",
        size=6,
        same_bits=False,
    ),
    Row("Stack without a state", lambda: Stack(nn.Linear(3, 2)), same_bits=False),
    Row("Residual", lambda: Residual(Recurrent(cells.LSTM(3, 3)))),
    Row("Residual without a state", lambda: Residual(nn.Linear(3, 3)), same_bits=False),
    Row("Bidirectional", lambda: Bidirectional(cells.GRU(3, 4)), streams=False),
    Row(
        "Bidirectional sum",
        lambda: Bidirectional(_learned(cells.LSTM(3, 4)), cells.Elman(3, 4), merge="sum"),
        streams=False,
    ),
    Row(
        "Stack with Bidirectional",
        lambda: Stack(Bidirectional(cells.Elman(3, 2)), Recurrent(cells.Elman(4, 3))),
        same_bits=False,
        streams=False,
    ),
]

every_layer = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
every_streaming_layer = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.streams], ids=lambda row: row.name
)
