"""Cells around a cell."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from torch import Tensor, nn

from recurra.cells.base import Cell

__all__ = ["CellWrapper", "with_submodule"]

State = TypeVar("State")
Module = TypeVar("Module", bound=nn.Module)


def with_submodule(module: Module, name: str, replacement: nn.Module) -> Module:
    """A copy of a module that shares everything with it but one submodule.

    >>> from torch import nn
    >>> pair = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    >>> other = with_submodule(pair, "1", nn.ReLU())
    >>> other[0] is pair[0], other[1], pair[1]
    (True, ReLU(), Tanh())
    """
    twin = copy.copy(module)
    twin.__dict__["_modules"] = {**module._modules, name: replacement}
    return twin


class CellWrapper(Cell[State]):
    """A cell that changes one thing about another and leaves the rest to it.

    Attributes:
        cell: the cell inside.

    >>> import torch, recurra as rc
    >>> class Negated(rc.cells.CellWrapper):
    ...     def output(self, state, x):
    ...         return -self.cell.output(state, x)
    >>> layer = rc.Recurrent(Negated(rc.cells.Repeats(2)))
    >>> layer(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))[0].tolist()
    [[-0.0], [-1.0]]
    """

    cell: Cell[State]

    def __init__(self, cell: Cell[State]) -> None:
        super().__init__()
        self.cell = cell
        self.input_size = cell.input_size
        self.recurrent_maps = tuple(f"cell.{name}" for name in cell.recurrent_maps)

    def config(self) -> dict[str, Any]:
        return {"cell": self.cell}

    def signature(self) -> str:
        return f"{type(self).__name__}({self.cell.signature()})"

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def update(self, state: State, x: Tensor) -> State:
        return self.cell.update(state, x)

    def output(self, state: State, x: Tensor) -> Tensor:
        return self.cell.output(state, x)

    def gates(self, state: State, x: Tensor) -> dict[str, Tensor]:
        return self.cell.gates(state, x)

    def for_sequence(self, batch: int) -> Cell[State]:
        inside = self.cell.for_sequence(batch)
        return self if inside is self.cell else with_submodule(self, "cell", inside)
