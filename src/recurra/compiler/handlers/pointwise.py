"""Operations on every element by itself."""

from __future__ import annotations

from recurra.compiler.lowering import HANDLERS, Lowering, Number, Value, handles

Operand = Value | Number

_SAME = (
    "neg exp log tanh sigmoid silu erf relu sqrt rsqrt abs sin cos sign".split()  # noqa: SIM905
)
_PAIRS = {"mul": "mul", "maximum": "max", "minimum": "min"}


def _enter_pointwise() -> None:
    for name in _SAME:
        HANDLERS[f"aten.{name}.default"] = lambda low, x, name=name: low.pointwise(name, x)
    for theirs, ours in _PAIRS.items():
        for overload in ("default", "Tensor", "Scalar"):
            HANDLERS[f"aten.{theirs}.{overload}"] = lambda low, x, y, ours=ours: low.pointwise(
                ours, x, y
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


@handles("aten.addcmul.default")
def _addcmul(low: Lowering, x: Operand, y: Operand, z: Operand, value: Number = 1) -> Value:
    return low.pointwise("add", x, scaled(low, low.pointwise("mul", y, z), value))


@handles("aten.lerp.Tensor", "aten.lerp.Scalar")
def _lerp(low: Lowering, start: Value, end: Value, weight: Operand) -> Value:
    way = low.pointwise("mul", low.pointwise("sub", end, start), weight)
    return low.pointwise("add", start, way)
