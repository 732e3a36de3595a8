"""Layer norm and RMS norm over the last axis, and what comes back through them.

With m = mean(x), or 0 where the norm is not centred::

    scale  s = 1 / sqrt(mean((x - m)^2) + epsilon)
    value  v = (x - m) s
    slope  dL/dx = s (g - mean(g) - v mean(g v)), where g = dL/dv; without mean(g) if not centred
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from recurra.program.ops.op import Array, Attributes, Op, Type
from recurra.program.ops.reductions import Gradients, spread

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["OPS"]


def _lines(types: Sequence[Type], whole: int) -> Type:
    """The type of one number a line, where the first inputs are lines and the last such numbers."""
    lines, numbers = types[:whole], types[whole:]
    first = lines[0]
    if first.kind != "float" or not first.shape or first.shape[-1] == 0:
        raise ValueError(f"takes floats with a last axis of at least one element, not {first}")
    for given in lines:
        if given != first:
            raise ValueError(f"takes one shape, not {first} and {given}")
    one_each = Type("float", first.shape[:-1])
    for given in numbers:
        if given != one_each:
            raise ValueError(f"takes {one_each} for {first}, not {given}")
    return one_each


def _centred_attribute(attributes: Attributes) -> None:
    if type(attributes["centred"]) is not bool:
        raise ValueError(f"is centred or not, not {attributes['centred']!r}")


# --- scale ----------------------------------------------------------------------------------------


def _scale_type(types: Sequence[Type], attributes: Attributes) -> Type:
    _centred_attribute(attributes)
    return _lines(types, whole=1)


def _scale(arrays: Sequence[Array], attributes: Attributes) -> Array:
    x, epsilon = arrays
    if attributes["centred"]:
        x = x - x.mean(-1, keepdims=True)
    scale: Array = 1 / np.sqrt((x * x).mean(-1) + epsilon)
    return scale


def _scale_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Gradients:
    x, _ = inputs
    cube = b.op("mul", output, b.op("mul", output, output))
    to_epsilon = b.op("mul", b.op("mul", grad, cube), b.like(-0.5, cube))
    count = b.types[x].shape[-1]
    factor = b.op("mul", to_epsilon, b.like(2 / count, cube))
    if attributes["centred"]:
        x = b.op("sub", x, spread(b, b.op("mean", x), x))
    return [b.op("mul", x, spread(b, factor, x)), to_epsilon]


# --- value ----------------------------------------------------------------------------------------


def _standardize_type(types: Sequence[Type], _: Attributes) -> Type:
    _lines(types, whole=1)
    return types[0]


def _standardize(arrays: Sequence[Array], _: Attributes) -> Array:
    x, scale = arrays
    value: Array = (x - x.mean(-1, keepdims=True)) * scale[..., None]
    return value


def _standardize_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    x, scale = inputs
    through = b.op("mul", b.op("sub", grad, spread(b, b.op("mean", grad), x)), spread(b, scale, x))
    centred = b.op("sub", x, spread(b, b.op("mean", x), x))
    return [through, b.op("sum", b.op("mul", grad, centred))]


# --- slope ----------------------------------------------------------------------------------------


def _slope_type(types: Sequence[Type], attributes: Attributes) -> Type:
    _centred_attribute(attributes)
    _lines(types, whole=2)
    return types[0]


def _slope(arrays: Sequence[Array], attributes: Attributes) -> Array:
    g, v, scale = arrays
    along = g - v * (g * v).mean(-1, keepdims=True)
    if attributes["centred"]:
        along = along - g.mean(-1, keepdims=True)
    slope: Array = along * scale[..., None]
    return slope


def _slope_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, attributes: Attributes
) -> Gradients:
    g, v, scale = inputs
    shared = spread(b, b.op("mean", b.op("mul", g, v)), g)
    along = b.op("sub", g, b.op("mul", v, shared))
    if attributes["centred"]:
        along = b.op("sub", along, spread(b, b.op("mean", g), g))
    other = spread(b, b.op("mean", b.op("mul", grad, v)), g)
    bend = b.op("add", b.op("mul", grad, shared), b.op("mul", g, other))
    return [
        b.op("norm_slope", grad, v, scale, **attributes),
        b.op("neg", b.op("mul", bend, spread(b, scale, g))),
        b.op("sum", b.op("mul", grad, along)),
    ]


OPS = [
    Op(
        "norm_scale",
        2,
        _scale_type,
        _scale,
        _scale_gradient,
        "1 / sqrt(variance of x over the last axis + y), or of mean x x if it is not centred",
        ("centred",),
    ),
    Op(
        "standardize",
        2,
        _standardize_type,
        _standardize,
        _standardize_gradient,
        "(x - mean of x over the last axis) y",
    ),
    Op(
        "norm_slope",
        3,
        _slope_type,
        _slope,
        _slope_gradient,
        "z (x - mean x - y mean x y): a gradient x through a norm y of scale z",
        ("centred",),
    ),
]
