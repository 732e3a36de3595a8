"""Two cells, one in each direction of time."""

from __future__ import annotations

import copy
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.cells.state import map_state
from recurra.errors import NotStreamableError
from recurra.layers.layer import Given, Layer, check_cell
from recurra.layers.scan import Scan, flip_time, reset_backwards, scan

__all__ = ["Bidirectional", "BidirectionalState"]

Merge = Literal["concat", "sum"]


class BidirectionalState(NamedTuple):
    """The states at the two ends of a sequence."""

    forward: Any  # after the last step
    backward: Any  # after the first step, reading from the end


class Bidirectional(Layer):
    """Reads every sequence in both directions (Schuster & Paliwal 1997).

    The backward cell starts at each row's own last real step. Where `reset` starts an episode, the
    backward cell starts again at that episode's last step, so that no episode sees another.

    Args:
        forward_cell: any cell.
        backward_cell: the cell that reads from the end; None makes one like the first, with
            weights of its own.
        merge: "concat" puts the two answers side by side, "sum" adds them.

    >>> import torch, recurra as rc
    >>> layer = rc.Bidirectional(rc.cells.GRU(3, 8))
    >>> layer(torch.randn(2, 5, 3), lengths=[5, 2])[0].shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        forward_cell: Cell[Any],
        backward_cell: Cell[Any] | None = None,
        *,
        merge: Merge = "concat",
    ) -> None:
        super().__init__()
        if merge not in get_args(Merge):
            raise ValueError(f"Bidirectional: merge is {merge!r}, expected 'concat' or 'sum'.")
        check_cell("Bidirectional", "forward_cell", forward_cell)
        if backward_cell is not None:
            check_cell("Bidirectional", "backward_cell", backward_cell)
        self.forward_cell = forward_cell
        self.backward_cell = _like(forward_cell) if backward_cell is None else backward_cell
        self.merge = merge
        self.input_size = forward_cell.input_size

    def config(self) -> dict[str, Any]:
        return {
            "forward_cell": self.forward_cell,
            "backward_cell": self.backward_cell,
            "merge": self.merge,
        }

    def signature(self) -> str:
        return f"Bidirectional({self.forward_cell.signature()})"

    def initial_state(self, batch: int) -> BidirectionalState:
        return BidirectionalState(
            forward=self.forward_cell.initial_state(batch),
            backward=self.backward_cell.initial_state(batch),
        )

    def run_step(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        raise NotStreamableError(
            f"{self.signature()} cannot answer step by step: its backward cell reads each "
            f"sequence from the end, which a stream does not have yet. Use Recurrent to stream."
        )

    def run(self, given: Given) -> Scan:
        x, state, lengths, reset, keep_states = given
        batch = x.shape[0]
        there = scan(
            self.forward_cell.for_sequence(batch),
            x,
            state.forward,
            lengths=lengths,
            reset=reset,
            keep_states=keep_states,
        )
        back = scan(
            self.backward_cell.for_sequence(batch),
            flip_time(x, lengths),
            state.backward,
            lengths=lengths,
            reset=None if reset is None else reset_backwards(reset, lengths),
            keep_states=keep_states,
        )
        y_back = flip_time(back.y, lengths)
        both = torch.cat([there.y, y_back], -1) if self.merge == "concat" else there.y + y_back
        states = None
        if keep_states:
            in_order = map_state(lambda slot: flip_time(slot, lengths), back.states)
            states = BidirectionalState(there.states, in_order)
        return Scan(both, BidirectionalState(there.state, back.state), states)


def _like(cell: Cell[Any]) -> Cell[Any]:
    """A cell of the same make with freshly drawn weights."""
    twin = copy.deepcopy(cell)
    # From the inside out: a cell draws its submodules' weights again in its own way.
    for module in reversed(list(twin.modules())):
        draw = getattr(module, "reset_parameters", None)
        if callable(draw):
            draw()
    return twin
