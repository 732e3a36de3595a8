"""Sums, means, maxima and what is made of them."""

from __future__ import annotations

import math
from functools import partial, reduce
from typing import Any

from recurra.compiler.handlers.choices import where
from recurra.compiler.handlers.parts import MOST_PIECES, select
from recurra.compiler.handlers.views import squeeze, unsqueeze
from recurra.compiler.lowering import Lowering, Number, Value, handles


@handles("aten.sum.dim_IntList", "aten.sum.default", "prims.sum.default")
def _sum(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("sum", x, dims, keepdim)


@handles("aten.mean.dim", "aten.mean.default")
def _mean(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("mean", x, dims, keepdim)


@handles("aten.amax.default")
def _amax(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("largest", x, dims, keepdim)


@handles("aten.amin.default")
def _amin(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.pointwise("neg", _amax(low, low.pointwise("neg", x), dims, keepdim))


@handles("aten.max.dim", "aten.min.dim")
def _extreme(low: Lowering, x: Value, dim: int, keepdim: bool = False) -> tuple[Value, None]:
    """The values; where they stood is not told."""
    count = low.count(x, dim)
    if count == 1:
        return (x if keepdim else squeeze(low, x, dim)), None
    if low.operation.startswith("aten.max"):
        return _amax(low, x, dim, keepdim), None
    return _amin(low, x, dim, keepdim), None


@handles("aten.prod.dim_int")
def _product(low: Lowering, x: Value, dim: int, keepdim: bool = False) -> Value:
    count = low.count(x, dim)
    if not 0 < count <= MOST_PIECES:
        low.refuse(f"multiplies {count} elements, of 1 to {MOST_PIECES}")
    product = reduce(partial(low.pointwise, "mul"), (select(low, x, dim, k) for k in range(count)))
    return unsqueeze(low, product, dim % low.rank(x)) if keepdim else product


@handles("aten.var.correction")
def _variance(
    low: Lowering, x: Value, dims: Any = None, *, correction: Number = 1, keepdim: bool = False
) -> Value:
    centred = low.pointwise("sub", x, low.reduce("mean", x, dims, keepdim=True))
    squares = low.pointwise("mul", centred, centred)
    count = low.count(x, dims)
    if count <= correction:
        low.refuse(f"is not defined for {count} elements")
    total = low.reduce("sum", squares, dims, keepdim)
    return low.pointwise("div", total, count - correction)


@handles("aten.var_mean.correction")
def _variance_and_mean(
    low: Lowering, x: Value, dims: Any = None, *, keepdim: bool = False, **options: Any
) -> tuple[Value, Value]:
    variance = _variance(low, x, dims, keepdim=keepdim, **options)
    return variance, low.reduce("mean", x, dims, keepdim)


@handles("aten.std.correction")
def _deviation(low: Lowering, x: Value, dims: Any = None, **options: Any) -> Value:
    return low.pointwise("sqrt", _variance(low, x, dims, **options))


@handles("aten.logsumexp.default")
def _logsumexp(low: Lowering, x: Value, dims: Any, keepdim: bool = False) -> Value:
    largest = low.reduce("largest", x, dims, keepdim=True)
    total = low.reduce("sum", low.pointwise("exp", low.pointwise("sub", x, largest)), dims, keepdim)
    kept = low.reshaped(largest.id, low.shape(total))
    return low.pointwise("add", low.pointwise("log", total), Value(kept, total.rows))


@handles("aten._softmax.default")
def _softmax(low: Lowering, x: Value, dim: int, _: bool) -> Value:
    shifted = low.pointwise("sub", x, low.reduce("largest", x, dim, keepdim=True))
    powers = low.pointwise("exp", shifted)
    return low.pointwise("div", powers, low.reduce("sum", powers, dim, keepdim=True))


@handles("aten._safe_softmax.default")
def _safe_softmax(low: Lowering, x: Value, dim: int, _: Any = None) -> Value:
    """Zeros where every element is minus infinity, as attention to nothing gives."""
    nothing = low.pointwise("equal", low.reduce("largest", x, dim, keepdim=True), -math.inf)
    return where(low, nothing, 0, _softmax(low, x, dim, False))


@handles("aten._log_softmax.default")
def _log_softmax(low: Lowering, x: Value, dim: int, _: bool) -> Value:
    shifted = low.pointwise("sub", x, low.reduce("largest", x, dim, keepdim=True))
    total = low.reduce("sum", low.pointwise("exp", shifted), dim, keepdim=True)
    return low.pointwise("sub", shifted, low.pointwise("log", total))
