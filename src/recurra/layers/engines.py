"""Which engine runs a layer: torch's operations one after the other, or the native one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from recurra.layers.layer import Layer

__all__ = ["Choice", "check_choice", "native"]

Choice = Literal["auto", "native", "torch"]


def check_choice(layer: Layer, engine: Any) -> None:
    """Refuse what is no engine."""
    if engine not in get_args(Choice):
        raise ValueError(
            f"{layer.signature()}: engine is {engine!r}, expected 'auto', 'native' or 'torch'."
        )


def native() -> Any:
    """What runs layers natively: it knows layers, and so is loaded when first needed."""
    from recurra.engine import running

    return running
