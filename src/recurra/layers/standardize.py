"""Features brought to mean zero and unit variance, and back."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from recurra.cells.base import Described
from recurra.errors import ShapeError

__all__ = ["Standardize"]


class Standardize(Described):
    """Shifts and scales each feature by constants, so that a model can take raw values.

    ::

        y = (x - mean) / scale         x = y · scale + mean        inverse

    It has no state and no trainable weights: `mean` and `scale` are buffers (input_size,), kept in
    the ``state_dict``. A new one has mean 0 and scale 1; `of` makes one from given values. Put it
    first in a `Stack` for the inputs, and an inverse one last for the answers.

    Args:
        input_size: features of x.
        inverse: go back from standardised to raw values.

    Raises:
        ShapeError: when run, if the last axis of x holds another number of features.

    >>> import torch, recurra as rc
    >>> there = rc.layers.Standardize.of(mean=[10.0, 0.0], scale=[2.0, 1.0])
    >>> back = rc.layers.Standardize.of(mean=[10.0, 0.0], scale=[2.0, 1.0], inverse=True)
    >>> x = torch.tensor([[14.0, 3.0]])
    >>> there(x), back(there(x))
    (tensor([[2., 3.]]), tensor([[14.,  3.]]))
    """

    mean: Tensor  # (input_size,)
    scale: Tensor  # (input_size,)

    def __init__(self, input_size: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.input_size = input_size
        self.inverse = inverse
        self.register_buffer("mean", torch.zeros(input_size))
        self.register_buffer("scale", torch.ones(input_size))

    @classmethod
    def of(cls, mean: ArrayLike, scale: ArrayLike, *, inverse: bool = False) -> Standardize:
        """The layer with these constants.

        Args:
            mean: (input_size,).
            scale: (input_size,), not zero.
            inverse: go back from standardised to raw values.

        Raises:
            ShapeError: mean and scale are not two vectors of one size.
        """
        shift, factor = torch.as_tensor(mean), torch.as_tensor(scale)
        if shift.dim() != 1 or shift.shape != factor.shape:
            raise ShapeError(
                f"Standardize: mean has shape {tuple(shift.shape)} and scale "
                f"{tuple(factor.shape)}, expected (input_size,) both."
            )
        layer = cls(len(shift), inverse=inverse)
        layer.mean.copy_(shift)
        layer.scale.copy_(factor)
        return layer

    def config(self) -> dict[str, Any]:
        return {"input_size": self.input_size, "inverse": self.inverse}

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != self.mean.shape:
            raise ShapeError(
                f"{self.signature()}: x has shape {tuple(x.shape)}, expected "
                f"(..., {self.input_size}). The last axis holds features."
            )
        return x * self.scale + self.mean if self.inverse else (x - self.mean) / self.scale
