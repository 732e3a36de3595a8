"""The mean of all inputs so far."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from recurra.cells.base import Cell

__all__ = ["Mean", "MeanState"]


class MeanState(NamedTuple):
    """The state of a `Mean` cell."""

    total: Tensor  # (batch, size)  sum of the inputs so far
    count: Tensor  # type: ignore[assignment]  # (batch, 1)  how many they were


class Mean(Cell[MeanState]):
    """Answers the mean of all its inputs so far: pooling over time that can also stream.

    State H = (total, count), zeros at t = 0.

    Update f::

        total_t = total_{t-1} + x_t
        count_t = count_{t-1} + 1

    Output g: y_t = total_t / count_t.

    Its last answer is the mean over the sequence, so a classifier that pools over time answers
    the same from a stream as from the whole recording.

    Args:
        size: features of x.

    >>> import torch, recurra as rc
    >>> y, _ = rc.Recurrent(rc.cells.Mean(1))(torch.tensor([[1.0], [2.0], [6.0]]))
    >>> y.flatten().tolist()
    [1.0, 1.5, 3.0]
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.size = size
        self.place_without_weights()

    def config(self) -> dict[str, Any]:
        return {"size": self.size}

    def initial_state(self, batch: int) -> MeanState:
        return MeanState(total=self.zeros(batch, self.size), count=self.zeros(batch, 1))

    def update(self, state: MeanState, x: Tensor) -> MeanState:
        return MeanState(total=state.total + x, count=state.count + 1)

    def output(self, state: MeanState, x: Tensor) -> Tensor:
        return state.total / state.count
