"""Functions of every element that are made of the ops."""

from __future__ import annotations

import math

from recurra.compiler.handlers.choices import where
from recurra.compiler.lowering import Lowering, Number, Value, handles


@handles("aten.softplus.default")
def _softplus(low: Lowering, x: Value, beta: Number = 1, threshold: Number = 20) -> Value:
    scaled = x if beta == 1 else low.pointwise("mul", x, beta)
    y = low.pointwise("softplus", scaled)
    y = y if beta == 1 else low.pointwise("div", y, beta)
    if threshold >= 20:  # there x itself, torch's answer, differs by less than exp(-threshold)
        return y
    return where(low, low.pointwise("less", threshold, scaled), x, y)


@handles("aten.gelu.default")
def _gelu(low: Lowering, x: Value, approximate: str = "none") -> Value:
    if approximate == "none":
        return low.pointwise("gelu", x)
    cube = low.pointwise("mul", low.pointwise("mul", x, x), x)
    inner = low.pointwise("add", x, low.pointwise("mul", cube, 0.044715))
    share = low.pointwise("tanh", low.pointwise("mul", inner, math.sqrt(2 / math.pi)))
    return low.pointwise("mul", low.pointwise("mul", x, 0.5), low.pointwise("add", share, 1))


@handles("aten.elu.default")
def _elu(
    low: Lowering, x: Value, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1
) -> Value:
    negative = low.pointwise("mul", _expm1(low, low.pointwise("mul", x, input_scale)), alpha)
    y = where(low, low.pointwise("less", 0, x), x, negative)
    return low.pointwise("mul", y, scale)


@handles("aten.expm1.default")
def _expm1(low: Lowering, x: Value) -> Value:
    # exp(x) - 1 = tanh(x / 2) (exp(x) + 1), which keeps its digits near 0.
    half = low.pointwise("tanh", low.pointwise("mul", x, 0.5))
    return low.pointwise("mul", half, low.pointwise("add", low.pointwise("exp", x), 1))


@handles("aten.log1p.default")
def _log1p(low: Lowering, x: Value) -> Value:
    # Kahan: log(u) x / (u - 1) with u = 1 + x as rounded keeps its digits near 0.
    u = low.pointwise("add", x, 1)
    less_one = low.pointwise("sub", u, 1)
    lost = low.pointwise("equal", less_one, 0)
    share = low.pointwise("div", x, where(low, lost, 1.0, less_one))
    return where(low, lost, x, low.pointwise("mul", low.pointwise("log", u), share))


@handles("aten.log_sigmoid_forward.default")
def _log_sigmoid(low: Lowering, x: Value) -> tuple[Value, None]:
    return low.pointwise("neg", low.pointwise("softplus", low.pointwise("neg", x))), None


@handles("aten.exp2.default")
def _exp2(low: Lowering, x: Value) -> Value:
    return low.pointwise("pow", 2, x)


@handles("aten.log2.default", "aten.log10.default")
def _log_of_base(low: Lowering, x: Value) -> Value:
    base = 2 if low.operation.startswith("aten.log2") else 10
    return low.pointwise("mul", low.pointwise("log", x), 1 / math.log(base))


@handles("aten.tan.default")
def _tan(low: Lowering, x: Value) -> Value:
    return low.pointwise("div", low.pointwise("sin", x), low.pointwise("cos", x))


@handles("aten.sinh.default")
def _sinh(low: Lowering, x: Value) -> Value:
    rising, falling = _expm1(low, x), _expm1(low, low.pointwise("neg", x))
    return low.pointwise("mul", low.pointwise("sub", rising, falling), 0.5)


@handles("aten.cosh.default")
def _cosh(low: Lowering, x: Value) -> Value:
    both = low.pointwise(
        "add", low.pointwise("exp", x), low.pointwise("exp", low.pointwise("neg", x))
    )
    return low.pointwise("mul", both, 0.5)


@handles("aten.logaddexp.default")
def _logaddexp(low: Lowering, x: Value, y: Value) -> Value:
    # Equal infinities are their own sum; their difference is none.
    apart = low.pointwise("neg", low.pointwise("abs", low.pointwise("sub", x, y)))
    apart = where(low, low.pointwise("equal", x, y), 0, apart)
    more = _log1p(low, low.pointwise("exp", apart))
    return low.pointwise("add", low.pointwise("max", x, y), more)
