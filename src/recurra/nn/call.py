"""What a call of a drop-in means, whatever layout its arguments came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.errors import ShapeError
from recurra.layers.scan import real_steps

__all__ = [
    "Call",
    "Flags",
    "Lengths",
    "as_hx",
    "as_slots",
    "check_lengths",
    "check_reset",
    "signature",
    "zero_past",
]

Lengths = Tensor | Sequence[int] | None
Flags = Tensor | Sequence[Any] | None


class Call(NamedTuple):
    """A checked call, batch first."""

    x: Tensor  # (batch, time, feature), zeros past a row's length
    slots: tuple[Tensor, ...]  # (layers * directions, batch, size): h, and an LSTM's c
    lengths: Tensor | None  # (batch,)
    reset: Tensor | None  # (batch, time)


def as_slots(module: nn.RNNBase, hx: Any) -> tuple[Tensor, ...]:
    """The state as torch has it, a tensor or a pair, as a tuple."""
    return tuple(hx) if module.mode == "LSTM" else (hx,)


def as_hx(module: nn.RNNBase, slots: tuple[Tensor, ...]) -> Any:
    """The state as torch has it."""
    return slots if module.mode == "LSTM" else slots[0]


def zero_past(values: Tensor, lengths: Tensor) -> Tensor:
    """Zeros past each row's length, so that not even a NaN there reaches a gradient."""
    return values.where(real_steps(lengths, values.shape[1])[..., None], 0)


def signature(module: nn.RNNBase) -> str:
    """The module as error messages name it."""
    name = type(module).__name__
    return f"{name}(input_size={module.input_size}, hidden_size={module.hidden_size})"


def check_lengths(module: nn.RNNBase, lengths: Tensor, x: Tensor) -> None:
    """Refuse lengths that are not a number of steps for every row of x, batch first.

    Raises:
        ShapeError: they have the wrong type, shape or range.
    """
    batch, time = x.shape[:2]
    owner, layout = signature(module), f"batch_first is {module.batch_first}."
    if lengths.dtype.is_floating_point or lengths.dtype == torch.bool:
        raise ShapeError(f"{owner}: lengths is {lengths.dtype}, expected whole numbers of steps.")
    if lengths.shape != (batch,):
        raise ShapeError(
            f"{owner}: lengths has shape {tuple(lengths.shape)}, expected ({batch},), one number "
            f"a row of x. {layout}"
        )
    if batch and (int(lengths.min()) < 0 or int(lengths.max()) > time):
        raise ShapeError(
            f"{owner}: lengths go from {int(lengths.min())} to {int(lengths.max())}, expected 0 "
            f"to {time}, the time steps of x. {layout}"
        )


def check_reset(module: nn.RNNBase, reset: Tensor, x: Tensor) -> None:
    """Refuse a mask that is not a flag for every row and step of x.

    Raises:
        ShapeError: it has the wrong type or shape.
    """
    if reset.dtype != torch.bool:
        raise ShapeError(
            f"{signature(module)}: reset is {reset.dtype}, expected booleans. "
            f"Pass reset.bool() where anything but 0 means a reset."
        )
    if reset.shape != x.shape[:-1]:
        axes = "batch, time" if module.batch_first else "time, batch"
        raise ShapeError(
            f"{signature(module)}: reset has shape {tuple(reset.shape)}, expected "
            f"{tuple(x.shape[:-1])}, a flag for every row and step of x. "
            f"Its axes are ({'time' if x.dim() == 2 else axes}), as those of x."
        )
