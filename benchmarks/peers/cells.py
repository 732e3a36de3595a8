"""Cells a user might write, in ten lines of PyTorch each, and where each cell keeps its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import recurra as rc
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_weights

__all__ = ["OWN", "PARAMETERS", "make_cell"]


class HiddenAndMemory(NamedTuple):
    """The state of an LSTM."""

    h: Tensor  # (batch, size)
    c: Tensor  # (batch, size)


class LayerNormLSTM(rc.Cell[HiddenAndMemory]):
    """Ba, Kiros & Hinton 2016 (arXiv:1607.06450), eq. 20 to 22, with the norm of c kept in c."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.size = size
        self.input = nn.Linear(size, 4 * size, bias=False)
        self.recurrent = nn.Linear(size, 4 * size, bias=False)
        self.norm_x = nn.LayerNorm(4 * size)
        self.norm_h = nn.LayerNorm(4 * size)
        self.norm_c = nn.LayerNorm(size)

    def config(self) -> dict[str, Any]:
        return {"size": self.size}

    def initial_state(self, batch: int) -> HiddenAndMemory:
        return HiddenAndMemory(self.zeros(batch, self.size), self.zeros(batch, self.size))

    def update(self, state: HiddenAndMemory, x: Tensor) -> HiddenAndMemory:
        drive = self.norm_x(self.input(x)) + self.norm_h(self.recurrent(state.h))
        i, f, u, o = drive.chunk(4, dim=-1)
        c = self.norm_c(torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(u))
        return HiddenAndMemory(torch.sigmoid(o) * torch.tanh(c), c)

    def output(self, state: HiddenAndMemory, x: Tensor) -> Tensor:
        return state.h


class PeepholeLSTM(rc.Cell[HiddenAndMemory]):
    """Gers & Schmidhuber 2000: the gates see the memory."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.size = size
        self.input = nn.Linear(size, 4 * size)
        self.recurrent = nn.Linear(size, 4 * size, bias=False)
        self.peep_i, self.peep_f, self.peep_o = (nn.Parameter(torch.zeros(size)) for _ in range(3))

    def config(self) -> dict[str, Any]:
        return {"size": self.size}

    def initial_state(self, batch: int) -> HiddenAndMemory:
        return HiddenAndMemory(self.zeros(batch, self.size), self.zeros(batch, self.size))

    def update(self, state: HiddenAndMemory, x: Tensor) -> HiddenAndMemory:
        i, f, u, o = (self.input(x) + self.recurrent(state.h)).chunk(4, dim=-1)
        forget = torch.sigmoid(f + self.peep_f * state.c)
        c = forget * state.c + torch.sigmoid(i + self.peep_i * state.c) * torch.tanh(u)
        return HiddenAndMemory(torch.sigmoid(o + self.peep_o * c) * torch.tanh(c), c)

    def output(self, state: HiddenAndMemory, x: Tensor) -> Tensor:
        return state.h


class LiGRU(rc.Cell[Tensor]):
    """Ravanelli et al. 2018 (arXiv:1803.10225), a bias in place of its batch norm."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.size = size
        self.input = nn.Linear(size, 2 * size)
        self.recurrent = nn.Linear(size, 2 * size, bias=False)

    def config(self) -> dict[str, Any]:
        return {"size": self.size}

    def initial_state(self, batch: int) -> Tensor:
        return self.zeros(batch, self.size)

    def update(self, state: Tensor, x: Tensor) -> Tensor:
        z, n = (self.input(x) + self.recurrent(state)).chunk(2, dim=-1)
        z = torch.sigmoid(z)
        return z * state + (1 - z) * torch.relu(n)

    def output(self, state: Tensor, x: Tensor) -> Tensor:
        return state


OWN = (LayerNormLSTM, PeepholeLSTM, LiGRU)
CELLS: dict[str, Any] = {
    "lstm": lambda size: rc.cells.LSTM(size, size),
    "gru": lambda size: rc.cells.GRU(size, size),
    "elman": lambda size: rc.cells.Elman(size, size),
    "layer-norm lstm": LayerNormLSTM,
    "peephole lstm": PeepholeLSTM,
    "ligru": LiGRU,
}

PARAMETERS = {
    "W": "input.weight",
    "R": "recurrent.weight",
    "b": "input.bias",
    "b_h": "candidate_bias",
    "p_i": "peep_i",
    "p_f": "peep_f",
    "p_o": "peep_o",
    **{f"gain_{norm}": f"norm_{norm}.weight" for norm in "xhc"},
    **{f"bias_{norm}": f"norm_{norm}.bias" for norm in "xhc"},
}


def make_cell(case: Case) -> tuple[rc.Cell[Any], Mapping[str, nn.Parameter]]:
    """The cell with the case's weights, and its parameters by their letters."""
    cell = CELLS[case.kind](case.size)
    named = dict(cell.named_parameters())
    parameters = {}
    with torch.no_grad():
        for letter, values in draw_weights(case).items():
            parameters[letter] = named.pop(PARAMETERS[letter])
            parameters[letter].copy_(torch.from_numpy(values))
    assert not named, f"{case}: {list(named)} got no weights"
    return cell, parameters
