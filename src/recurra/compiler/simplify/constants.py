"""What is known before anything runs is a constant.

Every constant is one number everywhere, so an op on constants is worked out on one element.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.compiler.simplify.rewriting import Rewriter, Rule, Rules
from recurra.program import OPS

__all__ = ["RULES"]

_POINTWISE = (
    "neg", "exp", "log", "tanh", "sigmoid", "softplus", "silu", "gelu", "erf", "relu", "sqrt",
    "rsqrt", "abs", "sin", "cos", "sign", "add", "sub", "mul", "div", "pow", "max", "min",
)  # fmt: skip


def _folded(op: str) -> Rule:
    """A pointwise op on constants; one that is not finite is left, for constants are finite."""

    def fold(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
        numbers = [b.number(value) for value in inputs]
        if None in numbers:
            return None
        with np.errstate(all="ignore"):
            found = float(OPS[op].meaning([np.array([each]) for each in numbers], {})[0])
        return b.like(found, inputs[0]) if math.isfinite(found) else None

    return fold


def _reduced(op: str) -> Rule:
    """A sum, mean or maximum of a constant."""

    def reduce(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
        number = b.number(inputs[0])
        if number is None:
            return None
        *shape, count = b.shape(inputs[0])
        found = number * count if op == "sum" else number
        return b.constant(found, tuple(shape)) if math.isfinite(found) else None

    return reduce


def _viewed(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    """A constant in another shape."""
    number = b.number(inputs[0])
    return None if number is None else b.constant(number, attributes["shape"])


def _transposed(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    number, shape = b.number(inputs[0]), b.shape(inputs[0])
    if number is None:
        return None
    return b.constant(number, tuple(shape[axis] for axis in attributes["order"]))


def _sliced(b: Rewriter, inputs: tuple[int, ...], attributes: Mapping[str, Any]) -> int | None:
    number, shape = b.number(inputs[0]), [*b.shape(inputs[0])]
    if number is None:
        return None
    shape[attributes["axis"]] = attributes["stop"] - attributes["start"]
    return b.constant(number, tuple(shape))


RULES: Rules = {
    **{op: [_folded(op)] for op in _POINTWISE},
    **{op: [_reduced(op)] for op in ("sum", "mean", "largest")},
    "reshape": [_viewed],
    "expand": [_viewed],
    "transpose": [_transposed],
    "slice": [_sliced],
}
