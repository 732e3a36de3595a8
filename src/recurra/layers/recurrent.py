"""A cell over time."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.cells.base import Cell
from recurra.cells.state import named_slots
from recurra.layers.layer import Given, Layer, check_cell
from recurra.layers.scan import (
    Scan,
    autocasts,
    check_answer,
    check_unwritten,
    keep_types,
    own_memory,
    scan,
    shares_memory,
    versions,
)

__all__ = ["Recurrent"]


class Recurrent(Layer):
    """Runs a cell over sequences, from left to right.

    Args:
        cell: any cell, the library's or your own.

    >>> import torch, recurra as rc
    >>> layer = rc.Recurrent(rc.cells.LSTM(3, 8))
    >>> x = torch.randn(2, 10, 3)
    >>> whole, end = layer(x)
    >>> first, state = layer(x[:, :4])
    >>> rest, state = layer(x[:, 4:], state)
    >>> torch.equal(whole, torch.cat([first, rest], dim=1)), torch.equal(end.c, state.c)
    (True, True)
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__()
        check_cell("Recurrent", "cell", cell)
        self.cell = cell
        self.input_size = cell.input_size

    def config(self) -> dict[str, Any]:
        return {"cell": self.cell}

    def signature(self) -> str:
        return self.cell.signature()

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def run_step(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        written = versions(state)
        new = self.cell.update(state, x)
        check_unwritten(self.cell, state, written)
        if autocasts(x):
            new = keep_types(new, state)
        y = self.cell.output(new, x)
        check_answer(self.cell, y, len(x))
        # Writing to x or to the answer afterwards must not change the state.
        slots = named_slots(new).values()
        if any(shares_memory(slot, y) for slot in slots):
            y = y.clone()
        if any(shares_memory(slot, x) for slot in slots):
            new = own_memory(new, x)
        return y, new

    def run(self, given: Given) -> Scan:
        x, state, lengths, reset, keep_states = given
        cell = self.cell.for_sequence(x.shape[0])
        return scan(cell, x, state, lengths=lengths, reset=reset, keep_states=keep_states)
