"""Comparisons, what is true, and choices."""

from __future__ import annotations

from recurra.compiler.lowering import HANDLERS, Lowering, Number, Value, handles

Operand = Value | Number

_COMPARED = {"lt": ("less", False), "le": ("less_equal", False), "eq": ("equal", False),
             "gt": ("less", True), "ge": ("less_equal", True)}  # fmt: skip


def _enter_comparisons() -> None:
    for theirs, (ours, swapped) in _COMPARED.items():
        for overload in ("Tensor", "Scalar"):
            HANDLERS[f"aten.{theirs}.{overload}"] = lambda low, x, y, ours=ours, swapped=swapped: (
                low.pointwise(ours, *((y, x) if swapped else (x, y)))
            )


_enter_comparisons()


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


@handles("aten.logical_or.default", "aten.bitwise_or.Tensor")
def _or(low: Lowering, x: Value, y: Value) -> Value:
    return _not(low, _and(low, _not(low, x), _not(low, y)))


@handles("aten.logical_xor.default", "aten.bitwise_xor.Tensor")
def _differ(low: Lowering, x: Value, y: Value) -> Value:
    return _not_equal(low, low.as_float(x), low.as_float(y))


@handles("aten.isnan.default")
def _is_nan(low: Lowering, x: Value) -> Value:
    return _not_equal(low, x, x)


@handles("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def _masked_fill(low: Lowering, x: Value, mask: Value, value: Operand) -> Value:
    return where(low, mask, value, x)


@handles(
    "aten.clamp.default",
    "aten.clamp_min.default",
    "aten.clamp_max.default",
    "aten.clamp.Tensor",
    "aten.clamp_min.Tensor",
    "aten.clamp_max.Tensor",
)
def _clamp(
    low: Lowering, x: Value, least: Operand | None = None, most: Operand | None = None
) -> Value:
    if low.operation.startswith("aten.clamp_max"):
        least, most = None, least
    # Choices, not max and min: at a bound torch's gradient is whole, not halved.
    if least is not None:
        x = where(low, low.pointwise("less", x, least), least, x)
    if most is not None:
        x = where(low, low.pointwise("less", most, x), most, x)
    return x
