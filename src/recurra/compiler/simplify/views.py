"""Views of views are one view, and those that change nothing are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.compiler.simplify.rewriting import Rewriter, Rules

__all__ = ["RULES", "swaps_last_axes"]


def swaps_last_axes(order: tuple[int, ...]) -> bool:
    """Whether a transpose turns matrices, and moves no axis before theirs."""
    last = len(order) - 1
    return order == (*range(last - 1), last, last - 1)


def _reshape(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    if attributes["shape"] == b.shape(inputs[0]):
        return inputs[0]
    if first := b.made_by("reshape", inputs[0]):
        return b.op("reshape", *first.inputs, **attributes)
    negated = b.made_by("neg", inputs[0])  # a sum can take it up, once it stands next to it
    return b.op("neg", b.op("reshape", *negated.inputs, **attributes)) if negated else None


def _expand(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    if attributes["shape"] == b.shape(inputs[0]):
        return inputs[0]
    first = b.made_by("expand", inputs[0])
    return b.op("expand", *first.inputs, **attributes) if first else None


def _transpose(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    order, shape = attributes["order"], b.shape(inputs[0])
    if first := b.made_by("transpose", inputs[0]):
        before = first.attributes["order"]
        return b.op("transpose", *first.inputs, order=tuple(before[axis] for axis in order))
    moved = [axis for axis in order if shape[axis] != 1]
    if moved == sorted(moved):  # only axes of one element change places
        return b.op("reshape", inputs[0], shape=tuple(shape[axis] for axis in order))
    if repeated := b.made_by("expand", inputs[0]):
        source = b.op("transpose", *repeated.inputs, order=order)
        return b.op("expand", source, shape=tuple(shape[axis] for axis in order))
    product = b.made_by("outer", inputs[0])
    if product is None or not swaps_last_axes(order):
        return None
    return b.op("outer", *product.inputs[::-1])


def _slice(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    axis, start, stop = attributes["axis"], attributes["start"], attributes["stop"]
    if stop - start == b.shape(inputs[0])[axis]:
        return inputs[0]
    first = b.made_by("slice", inputs[0])
    if first and first.attributes["axis"] == axis:
        offset = first.attributes["start"]
        return b.op("slice", *first.inputs, axis=axis, start=offset + start, stop=offset + stop)
    if repeated := b.made_by("expand", inputs[0]):
        return _slice_of_expand(b, repeated.inputs[0], b.shape(inputs[0]), attributes)
    return None


def _slice_of_expand(
    b: Rewriter, source: int, shape: tuple[int, ...], attributes: Mapping[str, Any]
) -> int:
    """Less of what is repeated, or less to repeat."""
    axis = attributes["axis"]
    size = attributes["stop"] - attributes["start"]
    if b.shape(source)[axis] == shape[axis]:
        source = b.op("slice", source, **attributes)
    return b.op("expand", source, shape=(*shape[:axis], size, *shape[axis + 1 :]))


RULES: Rules = {
    "reshape": [_reshape],
    "expand": [_expand],
    "transpose": [_transpose],
    "slice": [_slice],
}
