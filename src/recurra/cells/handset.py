"""Two cells whose weights nobody had to learn: they show what a state is for."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from recurra.cells.base import Cell

__all__ = ["Repeats", "RepeatsState", "Seen", "SeenState"]

State = TypeVar("State")


class RepeatsState(NamedTuple):
    """The state of a `Repeats` cell."""

    last: Tensor  # (batch, symbols)  the input before, one-hot; zeros at first
    same: Tensor  # (batch, 1)        1 when it equalled the one before it


class SeenState(NamedTuple):
    """The state of a `Seen` cell."""

    seen: Tensor  # (batch, symbols)  1 for every symbol met so far
    again: Tensor  # (batch, 1)       1 when the newest had been met before


class _OneHotCell(Cell[State]):
    """What both cells share: one-hot input over an alphabet, and no weights."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.input_size = self.symbols = symbols
        self.place_without_weights()

    def config(self) -> dict[str, Any]:
        return {"symbols": self.symbols}


class Repeats(_OneHotCell[RepeatsState]):
    """Answers 1 when a symbol equals the one before it, else 0.

    State H = (last, same), zeros at t = 0.

    Update f::

        same_t = last_{t-1} · x_t
        last_t = x_t

    Output g: y_t = same_t.

    Args:
        symbols: the size of the alphabet; x is one-hot (batch, symbols).

    >>> import torch, recurra as rc
    >>> digits = torch.eye(10)[torch.tensor([3, 3, 5, 3])]
    >>> y, _ = rc.Recurrent(rc.cells.Repeats(10))(digits)
    >>> y[:, 0].tolist()
    [0.0, 1.0, 0.0, 0.0]
    """

    def initial_state(self, batch: int) -> RepeatsState:
        return RepeatsState(last=self.zeros(batch, self.symbols), same=self.zeros(batch, 1))

    def update(self, state: RepeatsState, x: Tensor) -> RepeatsState:
        return RepeatsState(last=x, same=(state.last * x).sum(-1, keepdim=True))

    def output(self, state: RepeatsState, x: Tensor) -> Tensor:
        return state.same


class Seen(_OneHotCell[SeenState]):
    """Answers 1 when a symbol has come before at any time, else 0.

    State H = (seen, again), zeros at t = 0.

    Update f::

        again_t = seen_{t-1} · x_t
        seen_t = max(seen_{t-1}, x_t)

    Output g: y_t = again_t.

    No fixed window of inputs can do this for sequences of any length.

    Args:
        symbols: the size of the alphabet; x is one-hot (batch, symbols).

    >>> import torch, recurra as rc
    >>> digits = torch.eye(10)[torch.tensor([3, 5, 5, 3])]
    >>> y, _ = rc.Recurrent(rc.cells.Seen(10))(digits)
    >>> y[:, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    def initial_state(self, batch: int) -> SeenState:
        return SeenState(seen=self.zeros(batch, self.symbols), again=self.zeros(batch, 1))

    def update(self, state: SeenState, x: Tensor) -> SeenState:
        again = (state.seen * x).sum(-1, keepdim=True)
        return SeenState(seen=torch.maximum(state.seen, x), again=again)

    def output(self, state: SeenState, x: Tensor) -> Tensor:
        return state.again
