"""Sums, means and maxima of one element or of the same element many times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.compiler.simplify.rewriting import Rewriter, Rule, Rules

__all__ = ["RULES"]


def _of_one_element(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    *shape, count = b.shape(inputs[0])
    return b.op("reshape", inputs[0], shape=tuple(shape)) if count == 1 else None


def _of_repeats(op: str) -> Rule:
    """The sum of n equal elements is n times one; their mean and maximum is that one."""

    def rule(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
        repeated = b.made_by("expand", inputs[0])
        if repeated is None or b.shape(repeated.inputs[0])[-1] != 1:
            return None
        *shape, count = b.shape(inputs[0])
        once = b.op("expand", *repeated.inputs, shape=(*shape, 1))
        one = b.op("reshape", once, shape=tuple(shape))
        return b.op("mul", one, b.like(count, one)) if op == "sum" else one

    return rule


def _of_negated(op: str) -> Rule:
    """Negated once, after it."""

    def rule(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
        negated = b.made_by("neg", inputs[0])
        return b.op("neg", b.op(op, *negated.inputs)) if negated else None

    return rule


RULES: Rules = {
    "sum": [_of_one_element, _of_repeats("sum"), _of_negated("sum")],
    "mean": [_of_one_element, _of_repeats("mean"), _of_negated("mean")],
    "largest": [_of_one_element, _of_repeats("largest")],
}
