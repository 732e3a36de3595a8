"""Where a sequence starts: a given or a learned initial state."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.cells.state import describe, map_state, named_slots
from recurra.cells.wrapper import CellWrapper
from recurra.errors import StateError

__all__ = ["InitialState"]

State = TypeVar("State")


class InitialState(CellWrapper[State]):
    """A cell whose H_0 is a given value, or is learned.

    Args:
        cell: any cell.
        value: a state without its batch axis, or with a batch axis of 1; None takes the cell's own.
        learned: whether H_0 is trained with the weights, starting at the value.

    Raises:
        StateError: the value has other slots or shapes than the cell's state.

    >>> import torch, recurra as rc
    >>> cell = rc.cells.InitialState(rc.cells.GRU(3, 8), learned=True)
    >>> rc.Recurrent(cell)(torch.zeros(2, 5, 3))[0].sum().backward()
    >>> cell.start_0.grad.shape
    torch.Size([8])
    """

    def __init__(
        self, cell: Cell[State], value: State | None = None, *, learned: bool = False
    ) -> None:
        super().__init__(cell)
        self.learned = learned
        own = cell.initial_state(1)
        given = own if value is None else value
        if list(named_slots(given)) != list(named_slots(own)):
            raise StateError(
                f"{cell.signature()}: value has slots {describe(given)}, "
                f"expected {describe(map_state(lambda slot: slot[0], own))}."
            )
        starts = [
            _without_batch(cell, name, slot, own_slot)
            for (name, slot), own_slot in zip(
                named_slots(given).items(), named_slots(own).values(), strict=True
            )
        ]
        for name, slot in zip(self._names(len(starts)), starts, strict=True):
            if learned:
                self.register_parameter(name, nn.Parameter(slot))
            else:
                self.register_buffer(name, slot)
        self.slots = len(starts)

    @staticmethod
    def _names(slots: int) -> list[str]:
        return [f"start_{k}" for k in range(slots)]

    def config(self) -> dict[str, Any]:
        return {"cell": self.cell, "learned": self.learned}

    def initial_state(self, batch: int) -> State:
        starts = (getattr(self, name) for name in self._names(self.slots))
        own = self.cell.initial_state(batch)
        # A copy: whoever writes to a state must not write to H_0.
        return map_state(lambda slot: next(starts).expand_as(slot).clone(), own)


def _without_batch(cell: Cell[Any], name: str, slot: Tensor, own: Tensor) -> Tensor:
    if slot.shape == own.shape:
        slot = slot[0]
    if slot.shape != own.shape[1:]:
        raise StateError(
            f"{cell.signature()}: value has {name} of shape {tuple(slot.shape)}, "
            f"expected {tuple(own.shape[1:])}. H_0 is one row; every row of a batch starts there."
        )
    return slot.detach().clone().to(own)
