"""Which engine runs a layer: torch's operations one after the other, or the native one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from recurra.layers.layer import Layer

__all__ = ["Choice", "check_choice", "native", "only_torch"]

Choice = Literal["auto", "native", "torch"]


def check_choice(layer: Layer, engine: Any) -> None:
    """Refuse what is no engine."""
    if engine not in get_args(Choice):
        raise ValueError(
            f"{layer.signature()}: engine is {engine!r}, expected 'auto', 'native' or 'torch'."
        )


@contextmanager
def only_torch(layer: Layer) -> Iterator[None]:
    """For a while, torch runs a layer and all layers in it; then what ran them before.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.GRU(3, 8))
    >>> with only_torch(layer):
    ...     layer.engine
    'torch'
    """
    before = [(part, vars(part).get("_engine")) for part in layer.modules()]
    layer.use_engine("torch")
    try:
        yield
    finally:
        for part, choice in before:
            vars(part).pop("_engine", None)
            if choice is not None:
                vars(part)["_engine"] = choice


def native() -> Any:
    """What runs layers natively: it knows layers, and so is loaded when first needed."""
    from recurra.engine import running

    return running
