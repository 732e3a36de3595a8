"""Ops that move elements and compute nothing, and those that make values from nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.program.ops.op import Array, Attributes, Op, Type

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["OPS"]

Gradients = Sequence["int | None"]


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or not all(type(n) is int and n >= 0 for n in value):
        raise ValueError(f"takes a tuple of sizes for shape, not {value!r}")
    return value


def _axis(value: Any, given: Type) -> int:
    if type(value) is not int or not 0 <= value < len(given.shape):
        raise ValueError(f"takes an axis of {given}, counted from 0, not {value!r}")
    return value


# --- reshape, expand, transpose -------------------------------------------------------------------


def _reshaped(types: Sequence[Type], attributes: Attributes) -> Type:
    (given,) = types
    shape = _shape(attributes["shape"])
    if math.prod(shape) != math.prod(given.shape):
        raise ValueError(f"takes as many elements as {given} has, not shape {list(shape)}")
    return given._replace(shape=shape)


def _reshape_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    return [b.op("reshape", grad, shape=b.types[inputs[0]].shape)]


def _expanded(types: Sequence[Type], attributes: Attributes) -> Type:
    (given,) = types
    shape = _shape(attributes["shape"])
    if len(shape) != len(given.shape) or any(
        size not in (1, wanted) for size, wanted in zip(given.shape, shape, strict=True)
    ):
        raise ValueError(f"cannot repeat {given} to shape {list(shape)}: only axes of 1 repeat")
    return given._replace(shape=shape)


def _expand_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    """Sums over every repeated axis, brought to the end one by one."""
    before, after = b.types[inputs[0]].shape, b.types[output].shape
    for axis, (size, repeated) in enumerate(zip(before, after, strict=True)):
        if size == 1 and repeated != 1:
            rest = [k for k in range(len(after)) if k != axis]
            moved = b.op("transpose", grad, order=(*rest, axis))
            summed = b.op("sum", moved) if repeated else b.constant(0, b.types[moved].shape[:-1])
            shape = [*b.types[summed].shape]
            shape.insert(axis, 1)
            grad = b.op("reshape", summed, shape=tuple(shape))
    return [grad]


def _transposed(types: Sequence[Type], attributes: Attributes) -> Type:
    (given,) = types
    order = attributes["order"]
    if not isinstance(order, tuple) or sorted(order) != list(range(len(given.shape))):
        raise ValueError(f"takes an order of the axes of {given}, not {order!r}")
    return given._replace(shape=tuple(given.shape[axis] for axis in order))


def _transpose_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Gradients:
    order = attributes["order"]
    back = tuple(sorted(range(len(order)), key=lambda axis: order[axis]))
    return [b.op("transpose", grad, order=back)]


# --- slice, concat --------------------------------------------------------------------------------


def _sliced(types: Sequence[Type], attributes: Attributes) -> Type:
    (given,) = types
    axis = _axis(attributes["axis"], given)
    start, stop = attributes["start"], attributes["stop"]
    if (
        type(start) is not int
        or type(stop) is not int
        or not 0 <= start <= stop <= given.shape[axis]
    ):
        raise ValueError(
            f"takes 0 <= start <= stop <= {given.shape[axis]}, not {start!r}, {stop!r}"
        )
    shape = [*given.shape]
    shape[axis] = stop - start
    return given._replace(shape=tuple(shape))


def _slice(arrays: Sequence[Array], attributes: Attributes) -> Array:
    where = [slice(None)] * arrays[0].ndim
    where[1 + attributes["axis"]] = slice(attributes["start"], attributes["stop"])
    return arrays[0][tuple(where)]


def _slice_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Gradients:
    axis, shape = attributes["axis"], b.types[inputs[0]].shape
    parts = []
    for size in (attributes["start"], shape[axis] - attributes["stop"]):
        outside = [*shape]
        outside[axis] = size
        parts.append(b.constant(0, tuple(outside)) if size else None)
    pieces = [part for part in (parts[0], grad, parts[1]) if part is not None]
    return [b.op("concat", *pieces, axis=axis)]


def _concatenated(types: Sequence[Type], attributes: Attributes) -> Type:
    first = types[0]
    axis = _axis(attributes["axis"], first)
    for given in types:
        alike = given.shape[:axis] + given.shape[axis + 1 :]
        if (
            given.kind != first.kind
            or len(given.shape) != len(first.shape)
            or (alike != first.shape[:axis] + first.shape[axis + 1 :])
        ):
            raise ValueError(
                f"takes parts that differ in axis {axis} only, not {first} and {given}"
            )
    shape = [*first.shape]
    shape[axis] = sum(given.shape[axis] for given in types)
    return first._replace(shape=tuple(shape))


def _concat(arrays: Sequence[Array], attributes: Attributes) -> Array:
    rows = max(len(array) for array in arrays) if all(len(array) for array in arrays) else 0
    whole = [np.broadcast_to(array, (rows, *array.shape[1:])) for array in arrays]
    return np.concatenate(whole, axis=1 + attributes["axis"])


def _concat_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Gradients:
    axis, start, gradients = attributes["axis"], 0, []
    for part in inputs:
        stop = start + b.types[part].shape[axis]
        gradients.append(b.op("slice", grad, axis=axis, start=start, stop=stop))
        start = stop
    return gradients


# --- from nothing, and from an index --------------------------------------------------------------


def _constant_type(types: Sequence[Type], attributes: Attributes) -> Type:
    value = attributes["value"]
    if type(value) is not float or not math.isfinite(value):
        raise ValueError(f"takes a finite float for value, not {value!r}")
    return Type("float", _shape(attributes["shape"]))


def _one_hot_type(types: Sequence[Type], attributes: Attributes) -> Type:
    (given,) = types
    size = attributes["size"]
    if given.kind != "index" or type(size) is not int or size < 1:
        raise ValueError(f"takes an index and a size of at least 1, not {given} and {size!r}")
    return Type("float", (*given.shape, size))


def _one_hot(arrays: Sequence[Array], attributes: Attributes) -> Array:
    found: Array = (arrays[0][..., None] == np.arange(attributes["size"])).astype(np.float64)
    return found


def _nothing(b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes) -> Gradients:
    return [None] * len(inputs)


OPS = [
    Op(
        "reshape",
        1,
        _reshaped,
        lambda arrays, attributes: arrays[0].reshape(len(arrays[0]), *attributes["shape"]),
        _reshape_gradient,
        "the same elements, in row-major order, in another shape",
        ("shape",),
    ),
    Op(
        "expand",
        1,
        _expanded,
        lambda arrays, attributes: np.broadcast_to(
            arrays[0], (len(arrays[0]), *attributes["shape"])
        ),
        _expand_gradient,
        "axes of one element repeated",
        ("shape",),
    ),
    Op(
        "transpose",
        1,
        _transposed,
        lambda arrays, attributes: arrays[0].transpose(0, *(1 + k for k in attributes["order"])),
        _transpose_gradient,
        "the axes in another order",
        ("order",),
    ),
    Op(
        "slice",
        1,
        _sliced,
        _slice,
        _slice_gradient,
        "from start up to stop along an axis",
        ("axis", "start", "stop"),
    ),
    Op(
        "concat",
        None,
        _concatenated,
        _concat,
        _concat_gradient,
        "one after the other along an axis",
        ("axis",),
    ),
    Op(
        "constant",
        0,
        _constant_type,
        lambda arrays, attributes: np.full((1, *attributes["shape"]), attributes["value"]),
        _nothing,
        "one number everywhere",
        ("value", "shape"),
    ),
    Op(
        "one_hot",
        1,
        _one_hot_type,
        _one_hot,
        _nothing,
        "1 at the index, 0 elsewhere; all 0 for an index outside",
        ("size",),
    ),
]
