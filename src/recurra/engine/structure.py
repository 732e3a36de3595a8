"""What a layer's program depends on, besides the values of its weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor, nn

__all__ = ["fingerprint", "hooked"]

_DEEPEST = 4  # how far objects within objects are looked into
_PLAIN = (int, float, complex, str, bytes, bool, type(None))
# What every module has, and what a layer knows of its own engine.
_NO_OPTIONS = frozenset(nn.Module().__dict__) | {"_of_native", "_engine"}
_OF_A_CELL = ("update", "output", "for_sequence")
_HOOKS = tuple(f"_{when}_hooks" for when in ("forward", "forward_pre", "backward", "backward_pre"))


class _Itself:
    """Equal to nothing but itself, and alive as long as somebody compares with it."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.one is self.one

    def __hash__(self) -> int:
        return id(self.one)


def fingerprint(layer: nn.Module) -> Hashable:
    """A key that changes with everything that makes another program of a layer.

    That is: modules put in, taken out or replaced, training and evaluation, hooks, options changed
    on a module or in a list, a dictionary or an object it holds, the shapes and types of weights.
    Not their values, whether they are trained, or which tensor holds them.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.Zoneout(rc.cells.GRU(3, 8), 0.1))
    >>> before = fingerprint(layer)
    >>> layer.cell.rates["h"] = 0.5
    >>> fingerprint(layer) == before
    False
    """
    return tuple(_of_module(module) for module in layer.modules())


def _of_module(module: nn.Module) -> Hashable:
    kind, inside = type(module), module.__dict__
    key = [module, kind, kind.forward, module.training]
    key += [getattr(kind, name, None) for name in _OF_A_CELL]
    key += [len(inside[hooks]) for hooks in _HOOKS]
    key += module._modules.items()
    for tensors in (module._parameters, module._buffers):
        for name, tensor in tensors.items():
            key += (name, None) if tensor is None else (name, tensor.shape, tensor.dtype)
    for name, value in inside.items():
        if name not in _NO_OPTIONS:
            key += (name, _frozen(value, 0))
    return tuple(key)


def _frozen(value: Any, depth: int) -> Hashable:
    """A value to compare by, which later changes of the original do not touch."""
    if isinstance(value, _PLAIN):
        return value if value == value else repr(value)  # NaN is not itself
    if isinstance(value, Tensor):
        return _Itself(value), None if value.is_inference() else value._version
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if depth == _DEEPEST or isinstance(value, (type, FunctionType)):
        return _Itself(value)
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, (list, tuple, deque)):
        return type(value), tuple(_frozen(each, depth + 1) for each in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(_frozen(each, depth + 1) for each in value)
    if isinstance(value, Mapping):
        return tuple((_frozen(k, depth + 1), _frozen(v, depth + 1)) for k, v in value.items())
    if isinstance(value, nn.Module):
        return fingerprint(value)
    return _Itself(value), _frozen(_attributes(value), depth + 1)


def _attributes(value: Any) -> dict[str, Any]:
    """What an object of any class holds."""
    slots = getattr(type(value), "__slots__", ())
    named = (slots,) if isinstance(slots, str) else slots
    return {**getattr(value, "__dict__", {}), **{n: getattr(value, n, None) for n in named}}


def hooked(layer: nn.Module) -> nn.Module | None:
    """The first part of a layer that calls somebody back when it runs."""
    parts = list(layer.modules())[1:]
    return next((m for m in parts if any(getattr(m, hooks) for hooks in _HOOKS)), None)
