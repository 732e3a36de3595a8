"""Operations that make tensors from nothing, and from random numbers."""

from __future__ import annotations

from typing import Any

from recurra.compiler.draws import Law
from recurra.compiler.handlers.choices import where
from recurra.compiler.lowering import Lowering, Number, Value, handles

LAWS: dict[str, Law] = {
    "aten.rand.default": "uniform",
    "aten.rand_like.default": "uniform",
    "aten.uniform.default": "uniform",
    "aten.bernoulli.default": "uniform",
    "aten.bernoulli.p": "uniform",
    "aten.bernoulli.Tensor": "uniform",
    "aten.native_dropout.default": "uniform",
    "aten.exponential.default": "uniform",
    "aten.randn.default": "normal",
    "aten.randn_like.default": "normal",
    "aten.normal_functional.default": "normal",
    "aten.normal.Tensor_float": "normal",
    "aten.normal.float_Tensor": "normal",
    "aten.normal.Tensor_Tensor": "normal",
    "aten.normal.float_float": "normal",
}


@handles(
    "aten.zeros_like.default", "aten.ones_like.default",
    "aten.new_zeros.default", "aten.new_ones.default", "aten.new_full.default",
    "aten.zeros.default", "aten.ones.default", "aten.full.default", "aten.scalar_tensor.default",
    "aten.empty_like.default", "aten.new_empty.default", "aten.empty.memory_format",
)  # fmt: skip
def _filled(low: Lowering, *given: Any, **_: Any) -> Value:
    """One number everywhere; what nothing was written to holds zeros."""
    operation = low.operation
    value = 1.0 if "ones" in operation else 0.0
    if "full" in operation or "scalar_tensor" in operation:
        value = given[-1]
    rows, shape = low.of_made()
    return low.filled(value, shape, rows)


# --- random numbers -------------------------------------------------------------------------------


def _drawn(low: Lowering) -> Value:
    """The input that takes the place of the numbers that torch would draw here."""
    assert low.drawn is not None
    return low.drawn


@handles("aten.rand.default", "aten.rand_like.default")
@handles("aten.randn.default", "aten.randn_like.default")
def _as_drawn(low: Lowering, *_: Any, **__: Any) -> Value:
    return _drawn(low)


@handles("aten.uniform.default")
def _uniform(low: Lowering, _: Value, start: Number = 0, stop: Number = 1, **__: Any) -> Value:
    wide = low.pointwise("mul", _drawn(low), stop - start)
    return low.pointwise("add", wide, start)


@handles("aten.bernoulli.default")
def _bernoulli(low: Lowering, p: Value | Number, **_: Any) -> Value:
    return where(low, low.pointwise("less", _drawn(low), p), 1, 0)


@handles("aten.bernoulli.p", "aten.bernoulli.Tensor")
def _bernoulli_of(low: Lowering, _: Value, p: Value | Number = 0.5, **__: Any) -> Value:
    return _bernoulli(low, p)


@handles("aten.native_dropout.default")
def _dropout(low: Lowering, x: Value, p: float, train: bool | None = True) -> tuple[Value, Value]:
    kept = low.pointwise("less", _drawn(low), 1 - p)
    scale = where(low, kept, 1 / (1 - p) if p < 1 else 0, 0)
    return low.pointwise("mul", x, scale), kept


@handles("aten.exponential.default")
def _exponential(low: Lowering, _: Value, rate: Number = 1, **__: Any) -> Value:
    logarithm = low.pointwise("log", low.pointwise("sub", 1, _drawn(low)))
    return low.pointwise("div", logarithm, -rate)


@handles(
    "aten.normal.Tensor_float", "aten.normal.float_Tensor", "aten.normal.Tensor_Tensor",
    "aten.normal.float_float",
)  # fmt: skip
def _normal(
    low: Lowering, mean: Value | Number = 0, deviation: Value | Number = 1, *_: Any, **__: Any
) -> Value:
    return low.pointwise("add", low.pointwise("mul", _drawn(low), deviation), mean)


@handles("aten.normal_functional.default")
def _normal_of(
    low: Lowering, _: Value, mean: Number = 0, deviation: Number = 1, **__: Any
) -> Value:
    return _normal(low, mean, deviation)
