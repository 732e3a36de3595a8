"""The simple recurrent layer."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell

__all__ = ["Elman", "ElmanState"]

Nonlinearity = Literal["tanh", "relu"]


class ElmanState(NamedTuple):
    """The state of an Elman cell."""

    h: Tensor  # (batch, hidden_size)  in (-1, 1) with tanh, in [0, inf) with relu


class Elman(Cell[ElmanState]):
    """The simple recurrent network (Elman 1990, "Finding structure in time", Cognitive Science 14).

    State H = h, zeros at t = 0.

    Update f::

        h_t = φ(W x_t + R h_{t-1} + b)          φ = tanh or relu

    Output g: y_t = h_t.

    With ``identity_start`` R starts as the identity and b at zero, and W at N(0, 0.001): with relu
    this is the IRNN (Le, Jaitly & Hinton 2015, arXiv:1504.00941), which learns longer lags.
    Otherwise all weights start uniform in ±1/√hidden_size, as torch.nn.RNN's do. One bias; torch's
    two are added on import.

    Args:
        input_size: features of x.
        hidden_size: units of h.
        nonlinearity: "tanh" or "relu".
        identity_start: start as Le et al. did.

    >>> import torch, recurra as rc
    >>> y, state = rc.Recurrent(rc.cells.Elman(3, 8))(torch.randn(2, 5, 3))
    >>> y.shape, state.h.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    recurrent_maps = ("recurrent",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: Nonlinearity = "tanh",
        identity_start: bool = False,
    ) -> None:
        super().__init__()
        if nonlinearity not in get_args(Nonlinearity):
            raise ValueError(f"Elman: nonlinearity is {nonlinearity!r}, expected 'tanh' or 'relu'.")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.nonlinearity = nonlinearity
        self.identity_start = identity_start
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights again."""
        bound = self.hidden_size**-0.5 if self.hidden_size else 0.0
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)
        if self.identity_start:
            nn.init.normal_(self.input.weight, std=0.001)
            nn.init.zeros_(self.input.bias)
            nn.init.eye_(self.recurrent.weight)

    def config(self) -> dict[str, Any]:
        return {
            "input_size": self.input_size,
            "hidden_size": self.hidden_size,
            "nonlinearity": self.nonlinearity,
            "identity_start": self.identity_start,
        }

    def initial_state(self, batch: int) -> ElmanState:
        return ElmanState(h=self.zeros(batch, self.hidden_size))

    def update(self, state: ElmanState, x: Tensor) -> ElmanState:
        drive = self.input(x) + self.recurrent(state.h)
        return ElmanState(h=drive.tanh() if self.nonlinearity == "tanh" else torch.relu(drive))

    def output(self, state: ElmanState, x: Tensor) -> Tensor:
        return state.h
