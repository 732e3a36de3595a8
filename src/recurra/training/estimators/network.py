"""The models that the estimators train, made from their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from recurra import cells
from recurra.cells import Cell
from recurra.layers import Bidirectional, Recurrent
from recurra.training.losses import Loss

__all__ = [
    "CellMaker",
    "CellName",
    "Noise",
    "Pooling",
    "Regression",
    "body",
    "fixed",
    "pooling_parts",
    "regression_loss",
    "silent",
]

CellName = Literal["elman", "gru", "lstm"]
CellMaker = Callable[[int, int], Cell[Any]]
Pooling = Literal["last", "mean"]
Regression = Literal["absolute_error", "squared_error"]

_MAKERS: dict[str, CellMaker] = {"elman": cells.Elman, "gru": cells.GRU, "lstm": cells.LSTM}


def body(
    features: int,
    *,
    cell: CellName | CellMaker,
    hidden_size: int,
    layers: int,
    dropout: float,
    recurrent_dropout: float,
    bidirectional: bool = False,
) -> tuple[list[nn.Module], int]:
    """The recurrent layers, and how many features the last one answers with."""
    make = cell_maker(cell)
    parts: list[nn.Module] = []
    for _ in range(layers):
        inside = make(features, hidden_size)
        recurrent = recurrent_dropout if inside.recurrent_maps else 0.0
        if dropout or recurrent:
            inside = cells.VariationalDropout(inside, input=dropout, recurrent=recurrent)
        layer = Bidirectional(inside) if bidirectional else Recurrent(inside)
        parts.append(layer)
        with torch.random.fork_rng([]):  # a mask drawn here would move all weights after it
            features = int(layer(torch.zeros(1, 0, features))[0].shape[-1])
    return parts, features


def cell_maker(cell: CellName | CellMaker) -> CellMaker:
    """What makes a cell from its sizes.

    Raises:
        ValueError: no cell has that name.

    >>> cell_maker("gru")(3, 8).signature()
    'GRU(input_size=3, hidden_size=8)'
    """
    if callable(cell):
        return cell
    if cell not in _MAKERS:
        raise ValueError(
            f"cell is {cell!r}, expected one of {', '.join(map(repr, _MAKERS))} or a callable "
            f"(input_size, hidden_size) -> recurra.Cell."
        )
    return _MAKERS[cell]


def regression_loss(name: Regression) -> Loss:
    """The loss of the training loop.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in get_args(Regression):
        raise ValueError(f"loss is {name!r}, expected 'squared_error' or 'absolute_error'.")
    return "mse" if name == "squared_error" else nn.functional.l1_loss


def pooling_parts(pooling: Pooling, size: int, *, bidirectional: bool) -> list[nn.Module]:
    """What makes one answer of a sequence's answers, so that it stands at the last step.

    Raises:
        ValueError: there is no such pooling, or a bidirectional model is asked for its last step.
    """
    if pooling not in get_args(Pooling):
        raise ValueError(f"pooling is {pooling!r}, expected 'last' or 'mean'.")
    if pooling == "mean":
        return [Recurrent(cells.Mean(size))]
    if bidirectional:
        raise ValueError(
            "pooling is 'last' and bidirectional is true, but at the last step the backward cell "
            "has read one input only. Use pooling='mean'."
        )
    return []


class Noise(nn.Module):
    """Normal noise on the inputs in training; a finished model leaves it out."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        """Noise of its own on every value while training."""
        return x + self.deviation * torch.randn_like(x) if self.training else x


def silent(layer: nn.Linear) -> nn.Linear:
    """The layer, answering zeros until it has learnt something."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def fixed(weight: Tensor) -> nn.Linear:
    """A linear layer with these weights, not to be trained."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.load_state_dict({"weight": weight})
    return layer.requires_grad_(requires_grad=False)
