"""Products as they are fastest: no matrix is turned, repeated, or put together from products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.compiler.simplify.rewriting import Rewriter, Rules
from recurra.compiler.simplify.views import swaps_last_axes

__all__ = ["RULES"]


def _matvec(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """A matrix is read either way; no transpose is made of it."""
    turned = b.made_by("transpose", inputs[0])
    if turned is None or not swaps_last_axes(turned.attributes["order"]):
        return None
    return b.op("matvec", *turned.inputs, inputs[1], transposed=not attributes["transposed"])


def _concat(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """The gradient of a weight that was used in slices is one outer product."""
    axis = attributes["axis"]
    if len(b.shape(inputs[0])) != 2:
        return None
    products = [product for value in inputs if (product := b.made_by("outer", value))]
    others = {product.inputs[1 - axis] for product in products}
    if len(products) < len(inputs) or len(others) > 1:
        return None
    pieces = [product.inputs[axis] for product in products]
    whole = b.op("concat", *pieces, axis=0)
    return b.op("outer", *((*others, whole) if axis else (whole, *others)))


def _mul(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """A vector in every column times one in every row is an outer product."""
    for one, other in (inputs, inputs[::-1]):
        column, row = _repeated(b, one, axis=1), _repeated(b, other, axis=0)
        if column is not None and row is not None:
            return b.op("outer", column, row)
    return None


def _sum(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """Sums of a matrix times the same vector in every row, or column, are a matrix product."""
    turned = b.made_by("transpose", inputs[0])
    product = b.made_by("mul", turned.inputs[0] if turned else inputs[0])
    if product is None or len(b.shape(inputs[0])) != 2:
        return None
    for matrix, other in (product.inputs, product.inputs[::-1]):
        vector = _repeated(b, other, axis=1 if turned else 0)
        if vector is not None:
            return b.op("matvec", matrix, vector, transposed=turned is not None)
    return None


def _repeated(b: Rewriter, value: int, axis: int) -> int | None:
    """The vector that a matrix repeats along an axis."""
    found = b.made_by("expand", value)
    if found is None or len(b.shape(value)) != 2:
        return None
    shape = b.shape(found.inputs[0])
    if shape[axis] != 1 or shape[1 - axis] != b.shape(value)[1 - axis]:
        return None
    return b.op("reshape", *found.inputs, shape=(shape[1 - axis],))


RULES: Rules = {"matvec": [_matvec], "concat": [_concat], "mul": [_mul], "sum": [_sum]}
