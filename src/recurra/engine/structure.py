"""What a layer's program depends on, besides the values of its weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor, nn

from recurra.engine._native import same_items

__all__ = ["Unchanged", "fingerprint", "hooked"]

_DEEPEST = 4  # how far objects within objects are looked into
_PLAIN = (int, float, complex, str, bytes, bool, type(None))
# What every module has, and what a layer knows of its own engine.
_NO_OPTIONS = frozenset(nn.Module().__dict__) | {"_of_native", "_engine"}
_HOOKS = tuple(f"_{when}_hooks" for when in ("forward", "forward_pre", "backward", "backward_pre"))
_DICTIONARIES = ("_parameters", "_buffers", "_modules", *_HOOKS)


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
        modules = list(layer.modules())
        self._modules = [(module, type(module), module.__dict__) for module in modules]
        self._methods = {kind: _methods(kind) for _, kind, _ in self._modules}
        # The same objects under the same names,
        self._dictionaries = [
            inside if name is None else inside[name]
            for _, _, inside in self._modules
            for name in (None, *_DICTIONARIES)
        ]
        self._items: list[list[Any]] = [
            [each for item in dictionary.items() for each in item]
            for dictionary in self._dictionaries
        ]
        # and what of them may change and stay the same object.
        held = [each for module in modules for each in _held_by(module) if each is not None]
        self._tensors = [(each, each.shape, each.dtype) for each in held]
        self._open = [
            (value, _frozen(value, 0))
            for _, _, inside in self._modules
            for name, value in inside.items()
            if name not in _NO_OPTIONS and not isinstance(value, _PLAIN)
        ]

    @property
    def lasts(self) -> bool:
        """Whether the tensors are the layer's own, not lent for a call, after which they may go."""
        weights = [each for module, _, _ in self._modules for each in module._parameters.values()]
        own = all(each is None or isinstance(each, nn.Parameter) for each in weights)
        return own and all(each.grad_fn is None for each, _, _ in self._tensors)

    def holds(self) -> bool:
        """Whether nothing has changed that a fingerprint looks at."""
        if not same_items(self._dictionaries, self._items):
            return False
        for module, kind, inside in self._modules:
            if type(module) is not kind or module.__dict__ is not inside:
                return False
        for kind, methods in self._methods.items():
            if _methods(kind) != methods:
                return False
        for tensor, shape, dtype in self._tensors:
            if tensor.dtype is not dtype or tensor.shape != shape:
                return False
        return not self._open or all(_frozen(value, 0) == was for value, was in self._open)


def _methods(kind: Any) -> tuple[Any, ...]:
    """What a class computes with; written out, for every call asks."""
    update, output = getattr(kind, "update", None), getattr(kind, "output", None)
    return kind.forward, update, output, getattr(kind, "for_sequence", None)


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
    key += [len(inside[hooks]) for hooks in _HOOKS]
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
    return next((m for m in parts if any(m.__dict__[hooks] for hooks in _HOOKS)), None)
