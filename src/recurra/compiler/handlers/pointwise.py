"""Operations on every element by itself."""

from __future__ import annotations

import math

from recurra.compiler.lowering import HANDLERS, Lowering, Number, Value, handles

Operand = Value | Number

_SAME = (
    "neg exp log tanh sigmoid silu erf relu sqrt rsqrt abs sin cos sign".split()  # noqa: SIM905
)
_PAIRS = {"mul": "mul", "maximum": "max", "minimum": "min"}
_COMPARED = {"lt": ("less", False), "le": ("less_equal", False), "eq": ("equal", False),
             "gt": ("less", True), "ge": ("less_equal", True)}  # fmt: skip


def _enter_pointwise() -> None:
    for name in _SAME:
        HANDLERS[f"aten.{name}.default"] = lambda low, x, name=name: low.pointwise(name, x)
    for theirs, ours in _PAIRS.items():
        for overload in ("default", "Tensor", "Scalar"):
            HANDLERS[f"aten.{theirs}.{overload}"] = lambda low, x, y, ours=ours: low.pointwise(
                ours, x, y
            )
    for theirs, (ours, swapped) in _COMPARED.items():
        for overload in ("Tensor", "Scalar"):
            HANDLERS[f"aten.{theirs}.{overload}"] = lambda low, x, y, ours=ours, swapped=swapped: (
                low.pointwise(ours, *((y, x) if swapped else (x, y)))
            )


_enter_pointwise()


@handles("aten.add.Tensor", "aten.add.Scalar")
def _add(low: Lowering, x: Operand, y: Operand, alpha: Number = 1) -> Value:
    return low.pointwise("add", x, scaled(low, y, alpha))


@handles("aten.sub.Tensor", "aten.sub.Scalar")
def _sub(low: Lowering, x: Operand, y: Operand, alpha: Number = 1) -> Value:
    return low.pointwise("sub", x, scaled(low, y, alpha))


@handles("aten.rsub.Scalar", "aten.rsub.Tensor")
def _rsub(low: Lowering, x: Operand, y: Operand, alpha: Number = 1) -> Value:
    return low.pointwise("sub", y, scaled(low, x, alpha))


def scaled(low: Lowering, x: Operand, alpha: Number) -> Operand:
    """An operand times a number, as the alpha and beta of torch's sums."""
    if alpha == 1:
        return x
    return low.pointwise("mul", x, alpha) if isinstance(x, Value) else x * alpha


@handles("aten.div.Tensor", "aten.div.Scalar")
def _div(low: Lowering, x: Operand, y: Operand) -> Value:
    return low.pointwise("div", x, y)


@handles("aten.reciprocal.default")
def _reciprocal(low: Lowering, x: Value) -> Value:
    return low.pointwise("div", 1, x)


@handles("aten.pow.Tensor_Scalar")
def _power(low: Lowering, x: Value, exponent: Number) -> Value:
    """By products and roots where that is what torch computes."""
    if exponent in (2, 3):
        square = low.pointwise("mul", x, x)
        return square if exponent == 2 else low.pointwise("mul", square, x)
    if exponent in (0.5, -0.5):
        return low.pointwise("sqrt" if exponent > 0 else "rsqrt", x)
    if exponent == -1:
        return low.pointwise("div", 1, x)
    return low.pointwise("pow", x, exponent)


@handles("aten.pow.Tensor_Tensor", "aten.pow.Scalar")
def _pow(low: Lowering, x: Operand, y: Operand) -> Value:
    return low.pointwise("pow", x, y)


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


@handles("aten.clamp.default", "aten.clamp_min.default", "aten.clamp_max.default")
def _clamp(
    low: Lowering, x: Value, least: Number | None = None, most: Number | None = None
) -> Value:
    if low.operation.startswith("aten.clamp_max"):
        least, most = None, least
    # Choices, not max and min: at a bound torch's gradient is whole, not halved.
    if least is not None:
        x = where(low, low.pointwise("less", x, least), least, x)
    if most is not None:
        x = where(low, low.pointwise("less", most, x), most, x)
    return x


@handles("aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf")
def where(low: Lowering, condition: Value, x: Operand, y: Operand) -> Value:
    """Chooses between operands that torch would broadcast."""
    floats = [low.as_float(v) if isinstance(v, Value) else v for v in (x, y)]
    if low.kind(condition) != "bool":
        low.refuse("takes a condition that is not a comparison")
    values, rows = low.broadcast(condition, *floats)
    return low.op("where", rows, *values)


@handles("aten.ne.Tensor", "aten.ne.Scalar")
def _not_equal(low: Lowering, x: Operand, y: Operand) -> Value:
    same = low.pointwise("equal", x, y)
    return low.op("not", same.rows, same.id)


@handles("aten.logical_not.default", "aten.bitwise_not.default")
def _not(low: Lowering, x: Value) -> Value:
    if low.kind(x) != "bool":
        return low.pointwise("equal", x, 0)
    return low.op("not", x.rows, x.id)


@handles("aten.logical_and.default", "aten.bitwise_and.Tensor")
def _and(low: Lowering, x: Value, y: Value) -> Value:
    if {low.kind(x), low.kind(y)} != {"bool"}:
        low.refuse("takes values that are not comparisons")
    values, rows = low.broadcast(x, y)
    return low.op("and", rows, *values)


@handles("aten.addcmul.default")
def _addcmul(low: Lowering, x: Operand, y: Operand, z: Operand, value: Number = 1) -> Value:
    return low.pointwise("add", x, scaled(low, low.pointwise("mul", y, z), value))


@handles("aten.lerp.Tensor", "aten.lerp.Scalar")
def _lerp(low: Lowering, start: Value, end: Value, weight: Operand) -> Value:
    way = low.pointwise("mul", low.pointwise("sub", end, start), weight)
    return low.pointwise("add", start, way)


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
