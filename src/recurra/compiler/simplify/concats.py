"""Values put together from pieces, and the zeros among them.

The gradient of a slice is the slice's gradient between zeros, and that of a split the sum of such
values: one value put together from the pieces, in the end, without a zero and without a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from recurra.compiler.simplify.rewriting import Rewriter, Rule, Rules

__all__ = ["RULES"]


class Part(NamedTuple):
    """One of the values that a concat puts together, and where it lies."""

    value: int
    start: int
    stop: int


def _parts(b: Rewriter, inputs: tuple[int, ...], axis: int) -> list[Part]:
    parts, start = [], 0
    for value in inputs:
        stop = start + b.shape(value)[axis]
        parts.append(Part(value, start, stop))
        start = stop
    return parts


# --- fewer pieces ---------------------------------------------------------------------------------


def _joined(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """Nested concats are one, nothing is left out, and what was cut apart is one piece again."""
    axis = attributes["axis"]
    flat: list[int] = []
    for value in inputs:
        nested = b.made_by("concat", value)
        flat += nested.inputs if nested and nested.attributes["axis"] == axis else [value]
    first, *rest = [value for value in flat if b.shape(value)[axis]] or flat[:1]
    joined = [first]
    for value in rest:
        both = _as_one(b, joined[-1], value, axis)
        joined[-1:] = [joined[-1], value] if both is None else [both]
    if len(joined) == 1:
        return joined[0]
    return None if tuple(joined) == inputs else b.op("concat", *joined, axis=axis)


def _as_one(b: Rewriter, one: int, other: int, axis: int) -> int | None:
    """Two neighbours as one value: the same number, or slices that meet."""
    number, size = b.number(one), b.shape(one)[axis] + b.shape(other)[axis]
    if number is not None and number == b.number(other):
        shape = [*b.shape(one)]
        shape[axis] = size
        return b.constant(number, tuple(shape))
    left, right = b.made_by("slice", one), b.made_by("slice", other)
    if left is None or right is None or left.inputs != right.inputs:
        return None
    start, meet = left.attributes["start"], left.attributes["stop"]
    if left.attributes["axis"] != axis or right.attributes != {
        "axis": axis,
        "start": meet,
        "stop": start + size,
    }:
        return None
    return b.op("slice", *left.inputs, axis=axis, start=start, stop=start + size)


def _slice_of_concat(
    b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]
) -> int | None:
    """A slice that lies within one piece is a slice of the piece."""
    axis, start, stop = attributes["axis"], attributes["start"], attributes["stop"]
    whole = b.made_by("concat", inputs[0])
    if whole is None or whole.attributes["axis"] != axis:
        return None
    for value, first, last in _parts(b, whole.inputs, axis):
        if first <= start and stop <= last:
            return b.op("slice", value, axis=axis, start=start - first, stop=stop - first)
    return None


# --- pieces between zeros -------------------------------------------------------------------------


def _sum_of_pieces(op: str) -> Rule:
    """The sum or difference of two concats with zeros, interval by interval."""

    def rule(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
        one, other = (b.made_by("concat", value) for value in inputs)
        if one is None or other is None or one.attributes != other.attributes:
            return None
        if all(b.number(value) != 0 for value in (*one.inputs, *other.inputs)):
            return None
        axis = one.attributes["axis"]
        left, right = _parts(b, one.inputs, axis), _parts(b, other.inputs, axis)
        cuts = sorted({0} | {part.stop for part in (*left, *right)})
        pieces = [
            b.op(op, _piece(b, left, axis, *ends), _piece(b, right, axis, *ends))
            for ends in pairwise(cuts)
        ]
        return b.op("concat", *pieces, axis=axis)

    return rule


def _piece(b: Rewriter, parts: list[Part], axis: int, start: int, stop: int) -> int:
    """What lies between two cuts, which is within one part."""
    value, first, _ = next(part for part in parts if part.start <= start and stop <= part.stop)
    return b.op("slice", value, axis=axis, start=start - first, stop=stop - first)


def _neg_of_pieces(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """Zeros need no negation."""
    whole = b.made_by("concat", inputs[0])
    if whole is None or all(b.number(value) != 0 for value in whole.inputs):
        return None
    pieces = [value if b.number(value) == 0 else b.op("neg", value) for value in whole.inputs]
    return b.op("concat", *pieces, **whole.attributes)


RULES: Rules = {
    "concat": [_joined],
    "slice": [_slice_of_concat],
    "add": [_sum_of_pieces("add")],
    "sub": [_sum_of_pieces("sub")],
    "neg": [_neg_of_pieces],
}
