"""Sums, means and maxima, and the norms made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.compiler.lowering import Lowering, Number, Value, handles


@handles("aten.sum.dim_IntList", "aten.sum.default")
def _sum(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("sum", x, dims, keepdim)


@handles("aten.mean.dim", "aten.mean.default")
def _mean(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("mean", x, dims, keepdim)


@handles("aten.amax.default")
def _amax(low: Lowering, x: Value, dims: Any = None, keepdim: bool = False) -> Value:
    return low.reduce("largest", x, dims, keepdim)


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


@handles("aten.std.correction")
def _deviation(low: Lowering, x: Value, dims: Any = None, **options: Any) -> Value:
    return low.pointwise("sqrt", _variance(low, x, dims, **options))


@handles("aten.linalg_vector_norm.default")
def _norm(
    low: Lowering, x: Value, order: Number = 2, dims: Any = None, keepdim: bool = False, **_: Any
) -> Value:
    if order not in (1, 2):
        low.refuse(f"takes the norm of order {order}; there are 1 and 2")
    if order == 1:
        return low.reduce("sum", low.pointwise("abs", x), dims, keepdim)
    return low.pointwise("sqrt", low.reduce("sum", low.pointwise("mul", x, x), dims, keepdim))


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


@handles("aten._log_softmax.default")
def _log_softmax(low: Lowering, x: Value, dim: int, _: bool) -> Value:
    shifted = low.pointwise("sub", x, low.reduce("largest", x, dim, keepdim=True))
    total = low.reduce("sum", low.pointwise("exp", shifted), dim, keepdim=True)
    return low.pointwise("sub", shifted, low.pointwise("log", total))


@handles("aten.native_layer_norm.default")
def _layer_norm(
    low: Lowering, x: Value, shape: Sequence[int], weight: Value | None, bias: Value | None,
    epsilon: float,
) -> tuple[Value | None, ...]:  # fmt: skip
    dims = [-1 - k for k in range(len(shape))]
    centred = low.pointwise("sub", x, low.reduce("mean", x, dims, keepdim=True))
    variance = low.reduce("mean", low.pointwise("mul", centred, centred), dims, keepdim=True)
    y = low.pointwise(
        "mul", centred, low.pointwise("rsqrt", low.pointwise("add", variance, epsilon))
    )
    y = y if weight is None else low.pointwise("mul", y, weight)
    y = y if bias is None else low.pointwise("add", y, bias)
    return y, None, None
