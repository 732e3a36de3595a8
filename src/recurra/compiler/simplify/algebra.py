"""Arithmetic that need not be done.

Results keep their bits but for the sign of a zero: x + 0 becomes x, which is -0 where x is.
Nothing is multiplied by 0 away: 0 times infinity is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.compiler.simplify.rewriting import Rewriter, Rules

__all__ = ["RULES"]


def _add(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """0 + x = x, and x + -y = x - y."""
    for one, other in (inputs, inputs[::-1]):
        if b.number(other) == 0:
            return one
        if negated := b.made_by("neg", other):
            return b.op("sub", one, *negated.inputs)
    return None


def _add_twice(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """(x + y) + y = x + 2 y, if the 2 goes into a smaller factor of y: squares' gradients do so."""
    for whole, again in (inputs, inputs[::-1]):
        known = b.made_by("add", whole)
        if known and again in known.inputs and (double := _doubled(b, again)) is not None:
            first, second = known.inputs
            return b.op("add", second if first == again else first, double)
    return None


def _doubled(b: Rewriter, value: int) -> int | None:
    """Twice a product, if that takes no op of its size. Doubling rounds nothing."""
    product = b.made_by("mul", value)
    for one, other in (product.inputs, product.inputs[::-1]) if product else ():
        number, repeated = b.number(other), b.made_by("expand", other)
        if number is not None:
            return b.op("mul", one, b.like(2 * number, other))
        if repeated:
            twice = b.op("mul", *repeated.inputs, b.like(2, *repeated.inputs))
            return b.op("mul", one, b.op("expand", twice, **repeated.attributes))
    return None


def _sub(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """0 - x = -x, x - 0 = x, and x - -y = x + y."""
    one, other = inputs
    if b.number(other) == 0:
        return one
    if b.number(one) == 0:
        return b.op("neg", other)
    if negated := b.made_by("neg", other):
        return b.op("add", one, *negated.inputs)
    return None


def _mul(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """1 x = x, -1 x = -x, and -x c = x -c."""
    for one, other in (inputs, inputs[::-1]):
        number = b.number(other)
        if number == 1:
            return one
        if number == -1:
            return b.op("neg", one)
        if number is not None and (negated := b.made_by("neg", one)):
            return b.op("mul", *negated.inputs, b.like(-number, other))
    return None


def _div(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """Nothing is divided by 1 or -1."""
    one, other = inputs
    number = b.number(other)
    if number == 1:
        return one
    return b.op("neg", one) if number == -1 else None


def _neg(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """--x = x, -(x - y) = y - x, and -(x c) = x -c."""
    if negated := b.made_by("neg", inputs[0]):
        return negated.inputs[0]
    if difference := b.made_by("sub", inputs[0]):
        return b.op("sub", *difference.inputs[::-1])
    if product := b.made_by("mul", inputs[0]):
        for one, other in (product.inputs, product.inputs[::-1]):
            if (number := b.number(other)) is not None:
                return b.op("mul", one, b.like(-number, other))
    return None


def _pow(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """Small whole powers. The square root is none of them: it differs at -0 and -infinity."""
    base, exponent = inputs
    number = b.number(exponent)
    if number == 0:
        return b.like(1, base)
    if number == 1:
        return base
    if number == 2:
        return b.op("mul", base, base)
    return b.op("div", b.like(1, base), base) if number == -1 else None


def _where(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    """A choice between equals is none, and a condition's opposite is the other way round."""
    condition, one, other = inputs
    if one == other:
        return one
    opposite = b.made_by("not", condition)
    return b.op("where", *opposite.inputs, other, one) if opposite else None


def _not(b: Rewriter, inputs: tuple[int, ...], _: Mapping[str, Any]) -> int | None:
    opposite = b.made_by("not", inputs[0])
    return opposite.inputs[0] if opposite else None


RULES: Rules = {
    "add": [_add, _add_twice],
    "sub": [_sub],
    "mul": [_mul],
    "div": [_div],
    "neg": [_neg],
    "pow": [_pow],
    "where": [_where],
    "not": [_not],
}
