"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell

__all__ = ["GRU", "GRUState"]

Reset = Literal["after", "before"]


class GRUState(NamedTuple):
    """The state of a GRU cell."""

    h: Tensor  # (batch, hidden_size)  in (-1, 1)


class GRU(Cell[GRUState]):
    """The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078).

    State H = h, zeros at t = 0.

    Update f::

        r, z = σ(split(W_rz x_t + R_rz h_{t-1} + b_rz))
        n = tanh(W_n x_t + b_n + r ⊙ (R_n h_{t-1} + b_h))      reset="after" the product
        n = tanh(W_n x_t + b_n + R_n (r ⊙ h_{t-1}))            reset="before" the product
        h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}

    Output g: y_t = h_t.

    Cho et al. reset before the product (arXiv v3); torch.nn.GRU and cuDNN reset after it, which
    leaves one product with h instead of two, and is the default here. Blocks are in torch's order
    r z n. Chung et al. 2014 (arXiv:1412.3555) let z and 1 - z change places. The candidate needs a
    second bias b_h with reset="after"; the other biases of torch's are added on import.

    Args:
        input_size: features of x.
        hidden_size: units of h.
        reset: where the reset gate acts, "after" or "before" the product with h.

    >>> import torch, recurra as rc
    >>> y, state = rc.Recurrent(rc.cells.GRU(3, 8))(torch.randn(2, 5, 3))
    >>> y.shape, state.h.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    def __init__(self, input_size: int, hidden_size: int, *, reset: Reset = "after") -> None:
        super().__init__()
        if reset not in get_args(Reset):
            raise ValueError(f"GRU: reset is {reset!r}, expected 'after' or 'before' the product.")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.reset = reset
        self.input = nn.Linear(input_size, 3 * hidden_size)
        if reset == "after":
            self.recurrent = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
            self.candidate_bias = nn.Parameter(torch.empty(hidden_size))
            self.recurrent_maps = ("recurrent",)
        else:
            self.recurrent = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
            self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)
            self.recurrent_maps = ("recurrent", "candidate")
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights again, uniform in ±1/√hidden_size."""
        bound = self.hidden_size**-0.5 if self.hidden_size else 0.0
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def config(self) -> dict[str, Any]:
        return {
            "input_size": self.input_size,
            "hidden_size": self.hidden_size,
            "reset": self.reset,
        }

    def initial_state(self, batch: int) -> GRUState:
        return GRUState(h=self.zeros(batch, self.hidden_size))

    def update(self, state: GRUState, x: Tensor) -> GRUState:
        if self.reset == "after":
            return gated_update(
                self.input(x), self.recurrent(state.h), self.candidate_bias, state.h
            )
        gates, drive = self.input(x).split([2 * self.hidden_size, self.hidden_size], dim=-1)
        r, z = torch.sigmoid(gates + self.recurrent(state.h)).chunk(2, dim=-1)
        n = torch.tanh(drive + self.candidate(r * state.h))
        return GRUState(h=(1 - z) * n + z * state.h)

    def output(self, state: GRUState, x: Tensor) -> Tensor:
        return state.h

    def gates(self, state: GRUState, x: Tensor) -> dict[str, Tensor]:
        both = 2 * self.hidden_size
        drive = self.input(x)[..., :both] + self.recurrent(state.h)[..., :both]
        r, z = torch.sigmoid(drive).chunk(2, dim=-1)
        return {"r": r, "z": z}


def gated_update(drive: Tensor, recalled: Tensor, candidate_bias: Tensor, h: Tensor) -> GRUState:
    """The GRU's equations with the reset after the product, once both products are made.

    Args:
        drive: W x_t + b, (batch, 3 * hidden_size), blocks r z n.
        recalled: R h_{t-1}, (batch, 3 * hidden_size), blocks r z n.
        candidate_bias: b_h, (hidden_size,).
        h: h_{t-1}, (batch, hidden_size).

    >>> import torch
    >>> nothing = torch.zeros(1, 3)
    >>> gated_update(nothing, nothing, torch.zeros(1), torch.ones(1, 1)).h
    tensor([[0.5000]])
    """
    size = h.shape[-1]
    drive_rz, drive_n = torch.split(drive, [2 * size, size], dim=-1)
    recalled_rz, recalled_n = torch.split(recalled, [2 * size, size], dim=-1)
    r, z = torch.sigmoid(drive_rz + recalled_rz).chunk(2, dim=-1)
    n = torch.tanh(drive_n + r * (recalled_n + candidate_bias))
    return GRUState(h=(1 - z) * n + z * h)
