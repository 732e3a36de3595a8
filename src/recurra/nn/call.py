"""What a call of a drop-in means, whatever layout its arguments came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

__all__ = [
    "Call",
    "Flags",
    "Lengths",
    "as_hx",
    "as_slots",
    "signature",
]

Lengths = Tensor | Sequence[int] | None
Flags = Tensor | Sequence[Any] | None


class Call(NamedTuple):
    """A checked call, batch first."""

    x: Tensor  # (batch, time, feature), zeros past a row's length
    slots: tuple[Tensor, ...]  # (layers * directions, batch, size): h, and an LSTM's c
    lengths: Tensor | None  # (batch,)
    reset: Tensor | None  # (batch, time)
    time_first: bool  # whether the answers are given out as (time, batch, feature)


def as_slots(module: nn.RNNBase, hx: Any) -> tuple[Tensor, ...]:
    """The state as torch has it, a tensor or a pair, as a tuple."""
    return tuple(hx) if module.mode == "LSTM" else (hx,)


def as_hx(module: nn.RNNBase, slots: tuple[Tensor, ...]) -> Any:
    """The state as torch has it."""
    return slots if module.mode == "LSTM" else slots[0]


def signature(module: nn.RNNBase) -> str:
    """The module as error messages name it."""
    name = type(module).__name__
    return f"{name}(input_size={module.input_size}, hidden_size={module.hidden_size})"
