"""Products as they are fastest: no matrix is turned, none is put together from products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.compiler.simplify.rewriting import Rewriter, Rules

__all__ = ["RULES"]


def _matvec(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """A matrix is read either way; no transpose is made of it."""
    turned = b.made_by("transpose", inputs[0])
    if turned is None:
        return None
    return b.op("matvec", *turned.inputs, inputs[1], transposed=not attributes["transposed"])


def _outers(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """The gradient of a weight that was used in slices is one outer product."""
    axis = attributes["axis"]
    products = [product for value in inputs if (product := b.made_by("outer", value))]
    others = {product.inputs[1 - axis] for product in products}
    if len(products) < len(inputs) or len(others) > 1:
        return None
    pieces = [product.inputs[axis] for product in products]
    whole = b.op("concat", *pieces, axis=0)
    return b.op("outer", *((*others, whole) if axis else (whole, *others)))


RULES: Rules = {"matvec": [_matvec], "concat": [_outers]}
