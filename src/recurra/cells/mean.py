"""The mean of all inputs so far."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell

__all__ = ["Mean", "MeanState"]


class MeanState(NamedTuple):
    """The state of a `Mean` cell."""

    mean: Tensor  # (batch, size)  of the inputs so far
    count: Tensor  # type: ignore[assignment]  # (batch, 1)  how many they were


class Mean(Cell[MeanState]):
    """Answers the mean of all its inputs so far: pooling over time that can also stream.

    State H = (mean, count), zeros at t = 0.

    Update f::

        count_t = count_{t-1} + 1
        mean_t = mean_{t-1} + (x_t - mean_{t-1}) / count_t

    Output g: y_t = mean_t.

    Its last answer is the mean over the sequence, so a classifier that pools over time answers
    the same from a stream as from the whole recording.

    The state is float32 at least, in a model of a narrower type too. A float32 count stays at
    2**24 = 16,777,216; from there on each input moves the mean by 1/2**24 of its distance. After
    ``.double()`` that is 2**53.

    Args:
        size: features of x.

    >>> import torch, recurra as rc
    >>> y, _ = rc.Recurrent(rc.cells.Mean(1))(torch.tensor([[1.0], [2.0], [6.0]]))
    >>> y.flatten().tolist()
    [1.0, 1.5, 3.0]
    """

    placed: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.size = size
        self.place_without_weights()

    def config(self) -> dict[str, Any]:
        return {"size": self.size}

    def initial_state(self, batch: int) -> MeanState:
        wide = torch.promote_types(self.placed.dtype, torch.float32)
        return MeanState(
            mean=self.zeros(batch, self.size).to(wide), count=self.zeros(batch, 1).to(wide)
        )

    def update(self, state: MeanState, x: Tensor) -> MeanState:
        count = state.count + 1
        return MeanState(mean=state.mean + (x - state.mean) / count, count=count)

    def output(self, state: MeanState, x: Tensor) -> Tensor:
        return state.mean.to(torch.promote_types(self.placed.dtype, x.dtype))
