"""What a layer's program depends on, besides the values of its weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from operator import is_
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor, nn

__all__ = ["Unchanged", "fingerprint", "hooked"]

_DEEPEST = 4  # how far objects within objects are looked into
_PLAIN = (int, float, complex, str, bytes, bool, type(None))
# What every module has, and what a layer knows of its own engine.
_NO_OPTIONS = frozenset(nn.Module().__dict__) | {"_of_native", "_engine"}


class Unchanged:
    """A layer as it is now, to be asked later whether its `fingerprint` can have become another.

    Asking takes a fraction of a fingerprint. A change that makes no other fingerprint may count as
    one.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.Zoneout(rc.cells.GRU(3, 8), 0.1))
    >>> unchanged = Unchanged(layer)
    >>> unchanged.holds()
    True
    >>> layer.cell.rates["h"] = 0.5
    >>> unchanged.holds()
    False
    """

    def __init__(self, layer: nn.Module) -> None:
        self._seen = [_Seen(module) for module in layer.modules()]

    def holds(self) -> bool:
        """Whether nothing has changed that a fingerprint looks at."""
        return all(map(_Seen.still, self._seen))


class _Seen:
    """What one module was like: the same objects under the same names, and what those hold."""

    __slots__ = (
        "children", "held", "hooks", "kind", "methods", "module", "names", "open", "tensors",
        "values",
    )  # fmt: skip

    def __init__(self, module: nn.Module) -> None:
        inside = module.__dict__
        self.module, self.kind, self.methods = module, type(module), _methods(type(module))
        self.names, self.values = list(inside), list(inside.values())
        self.children = list(module._modules.items())
        self.hooks, self.tensors = _count_hooks(inside), _tensors_of(module)
        self.held = _held_by(module)
        # What may change and stay the same object.
        self.open = [
            (value, _frozen(value, 0))
            for name, value in inside.items()
            if name not in _NO_OPTIONS and not isinstance(value, _PLAIN)
        ]

    def still(self) -> bool:
        module = self.module
        inside = module.__dict__
        return (
            type(module) is self.kind
            and list(inside) == self.names
            and all(map(is_, inside.values(), self.values))
            and _methods(self.kind) == self.methods
            and _count_hooks(inside) == self.hooks
            and list(module._modules.items()) == self.children
            and all(map(is_, _held_by(module), self.held))
            and _tensors_of(module) == self.tensors
            and (not self.open or all(_frozen(value, 0) == was for value, was in self.open))
        )


def _methods(kind: Any) -> tuple[Any, ...]:
    """What a class computes with; written out, for every call asks."""
    update, output = getattr(kind, "update", None), getattr(kind, "output", None)
    return kind.forward, update, output, getattr(kind, "for_sequence", None)


def _count_hooks(inside: Mapping[str, Any]) -> tuple[int, ...]:
    return (
        len(inside["_forward_hooks"]),
        len(inside["_forward_pre_hooks"]),
        len(inside["_backward_hooks"]),
        len(inside["_backward_pre_hooks"]),
    )


def _held_by(module: nn.Module) -> list[Any]:
    return [*module._parameters.values(), *module._buffers.values()]


def _tensors_of(module: nn.Module) -> list[Hashable]:
    """Names, shapes and types of a module's own parameters and buffers."""
    found: list[Hashable] = []
    for tensors in (module._parameters, module._buffers):
        for name, tensor in tensors.items():
            found += (name, None) if tensor is None else (name, tensor.shape, tensor.dtype)
    return found


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
    on a module or in a list, a dictionary or an object it holds, the shapes and types of weights,
    and which of them are one and the same. Not their values, whether they are trained, or which
    tensor holds them.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.Zoneout(rc.cells.GRU(3, 8), 0.1))
    >>> before = fingerprint(layer)
    >>> layer.cell.rates["h"] = 0.5
    >>> fingerprint(layer) == before
    False
    """
    return (*[_of_module(module) for module in layer.modules()], _shared(layer))


def _shared(layer: nn.Module) -> tuple[int, ...]:
    """The first place of the tensor in each place; nothing where all are others."""
    held = [each for module in layer.modules() for each in _held_by(module) if each is not None]
    first: dict[int, int] = {}
    places = tuple(first.setdefault(id(each), place) for place, each in enumerate(held))
    return places if len(first) < len(held) else ()


def _of_module(module: nn.Module) -> Hashable:
    kind, inside = type(module), module.__dict__
    key = [module, kind, module.training, *_methods(kind)]
    key += _count_hooks(inside)
    key += module._modules.items()
    key += _tensors_of(module)
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
    return next((m for m in parts if any(_count_hooks(m.__dict__))), None)
