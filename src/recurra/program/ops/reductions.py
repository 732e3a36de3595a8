"""Reductions over the last axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recurra.program.ops.op import Array, Attributes, Op, Type

if TYPE_CHECKING:
    from recurra.program.builder import Builder

__all__ = ["OPS", "Gradients", "spread"]

Gradients = Sequence["int | None"]


def _reduced(types: Sequence[Type], _: Attributes) -> Type:
    (given,) = types
    if given.kind != "float" or not given.shape or given.shape[-1] == 0:
        raise ValueError(f"takes floats with a last axis of at least one element, not {given}")
    return Type("float", given.shape[:-1])


def spread(b: Builder, value: int, like: int) -> int:
    """A reduced value again in every place of the last axis."""
    shape = b.types[like].shape
    return b.op("expand", b.op("reshape", value, shape=(*shape[:-1], 1)), shape=shape)


def _sum_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    return [spread(b, grad, inputs[0])]


def _mean_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    count = b.types[inputs[0]].shape[-1]
    return [spread(b, b.op("mul", grad, b.like(1 / count, grad)), inputs[0])]


def _largest_gradient(
    b: Builder, inputs: Sequence[int], output: int, grad: int, _: Attributes
) -> Gradients:
    """To the largest element; in equal shares at a tie, as torch's amax does."""
    x = inputs[0]
    wins = b.op("equal", x, spread(b, output, x))
    ones = b.op("where", wins, b.like(1, x), b.like(0, x))
    share = b.op("div", grad, b.op("sum", ones))
    return [b.op("mul", ones, spread(b, share, x))]


def _reduction(
    name: str, function: Callable[..., Array], gradient: Callable[..., Gradients], doc: str
) -> Op:
    return Op(name, 1, _reduced, lambda arrays, _: function(arrays[0], axis=-1), gradient, doc)


OPS = [
    _reduction("sum", np.sum, _sum_gradient, "sum over the last axis"),
    _reduction("mean", np.mean, _mean_gradient, "mean over the last axis"),
    _reduction("largest", np.max, _largest_gradient, "maximum over the last axis; NaN if any is"),
]
