"""Norms, and values brought to mean zero and unit variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.compiler.lowering import Lowering, Number, Value, handles


@handles("aten.linalg_vector_norm.default", "aten.norm.ScalarOpt_dim")
def _norm(
    low: Lowering, x: Value, order: Number = 2, dims: Any = None, keepdim: bool = False, **_: Any
) -> Value:
    if order not in (1, 2):
        low.refuse(f"takes the norm of order {order}; there are 1 and 2")
    if order == 1:
        return low.reduce("sum", low.pointwise("abs", x), dims, keepdim)
    return low.pointwise("sqrt", low.reduce("sum", low.pointwise("mul", x, x), dims, keepdim))


@handles("aten.norm.Scalar")
def _norm_of_all(low: Lowering, x: Value, order: Number = 2) -> Value:
    return _norm(low, x, order)


@handles("aten.native_layer_norm.default")
def _layer_norm(
    low: Lowering, x: Value, shape: Sequence[int], weight: Value | None, bias: Value | None,
    epsilon: float,
) -> tuple[Value | None, ...]:  # fmt: skip
    dims = [-1 - k for k in range(len(shape))]
    return _scaled(low, _centred(low, x, dims, epsilon), weight, bias), None, None


@handles("aten.native_group_norm.default")
def _group_norm(
    low: Lowering, x: Value, weight: Value | None, bias: Value | None, *sizes: Any,
) -> tuple[Value | None, ...]:  # fmt: skip
    *_, groups, epsilon = sizes
    shape = low.shape(x)
    rest = [1] * (len(shape) - 1)
    grouped = low.reshape(x, [groups, shape[0] // groups, *shape[1:]])
    dims = [k - len(shape) for k in range(len(shape))]
    whole = low.reshape(_centred(low, grouped, dims, epsilon), shape)
    by_channel = [v and low.reshape(v, [shape[0], *rest]) for v in (weight, bias)]
    return _scaled(low, whole, *by_channel), None, None


def _centred(low: Lowering, x: Value, dims: Sequence[int], epsilon: float) -> Value:
    """Mean zero and unit variance over some axes."""
    centred = low.pointwise("sub", x, low.reduce("mean", x, dims, keepdim=True))
    variance = low.reduce("mean", low.pointwise("mul", centred, centred), dims, keepdim=True)
    scale = low.pointwise("rsqrt", low.pointwise("add", variance, epsilon))
    return low.pointwise("mul", centred, scale)


def _scaled(low: Lowering, x: Value, weight: Value | None, bias: Value | None) -> Value:
    x = x if weight is None else low.pointwise("mul", x, weight)
    return x if bias is None else low.pointwise("add", x, bias)
