"""Lengths and resets as callers give them: checked, then tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import ShapeError
from recurra.layers.scan import real_steps

__all__ = ["check_lengths", "check_reset", "fill_past"]


def check_lengths(owner: str, lengths: Any, x: Tensor, hint: str = "") -> Tensor:
    """The lengths as whole numbers on the device of x.

    Args:
        owner: the layer, as messages name it.
        lengths: a number of steps for every row of x.
        x: (batch, time, ...).
        hint: stands at the end of a message about shape or range.

    Raises:
        ShapeError: they have the wrong type, shape or range.

    >>> import torch
    >>> check_lengths("GRU()", [2, 0], torch.zeros(2, 3, 1))
    tensor([2, 0])
    """
    steps = torch.as_tensor(lengths, device=x.device)
    batch, time = x.shape[:2]
    wrong_type = steps.dtype.is_floating_point or steps.dtype == torch.bool
    if wrong_type and steps.numel():  # an empty list is read as floats
        raise ShapeError(f"{owner}: lengths is {steps.dtype}, expected whole numbers of steps.")
    if steps.shape != (batch,):
        raise ShapeError(
            f"{owner}: lengths has shape {tuple(steps.shape)}, expected ({batch},), one number a "
            f"row of x.{hint}"
        )
    steps = steps.long()
    if torch.compiler.is_compiling():
        return steps
    low, high = (int(end) for end in steps.aminmax()) if batch else (0, 0)
    if low < 0 or high > time:
        raise ShapeError(
            f"{owner}: lengths go from {low} to {high}, expected 0 to {time}, the time steps of "
            f"x.{hint}"
        )
    return steps


def check_reset(owner: str, reset: Any, shape: tuple[int, ...], x: Tensor, meaning: str) -> Tensor:
    """The reset mask as booleans on the device of x.

    Args:
        owner: the layer, as messages name it.
        reset: a flag for every row and step.
        shape: the axes of x that hold rows and steps.
        x: where it is to live.
        meaning: says of the shape what each flag is for.

    Raises:
        ShapeError: it has the wrong type or shape.

    >>> import torch
    >>> check_reset("GRU()", [[True, False]], (1, 2), torch.zeros(1, 2, 1), "a flag a step")
    tensor([[ True, False]])
    """
    flags = torch.as_tensor(reset, device=x.device)
    if flags.dtype != torch.bool:
        raise ShapeError(
            f"{owner}: reset is {flags.dtype}, expected booleans. "
            f"Pass reset.bool() where anything but 0 means a reset."
        )
    if flags.shape != shape:
        raise ShapeError(
            f"{owner}: reset has shape {tuple(flags.shape)}, expected {tuple(shape)}, {meaning}."
        )
    return flags


def fill_past(values: Tensor, lengths: Tensor, filling: float) -> Tensor:
    """Another value past each row's length, so that not even a NaN there reaches a gradient.

    >>> import torch
    >>> fill_past(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2]), 0)
    tensor([[1., 2., 0.]])
    """
    real = real_steps(lengths, values.shape[1])
    return values.where(real.reshape(*real.shape, *([1] * (values.dim() - 2))), filling)
