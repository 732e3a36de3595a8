"""Products of many heads as products of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from recurra.program import Builder, Program

__all__ = ["one_head_each"]


def one_head_each(program: Program) -> Program:
    """The same program, in which every product is of one matrix and no outer product has heads.

    The parts that heads are cut into and joined from are views, which cost nothing to run.

    Args:
        program: a valid program.

    >>> b = Builder()
    >>> m, v = b.input("m", "x", (2, 3, 4)), b.input("v", "x", (2, 4))
    >>> b.output("y", "y", b.op("matvec", m, v, transposed=False))
    >>> print(one_head_each(b.program()))
    %0 = x m float[2, 3, 4]
    %1 = x v float[2, 4]
    %2 = slice(%0, axis=0, start=0, stop=1) float[1, 3, 4]
    %3 = reshape(%2, shape=[3, 4]) float[3, 4]
    %4 = slice(%0, axis=0, start=1, stop=2) float[1, 3, 4]
    %5 = reshape(%4, shape=[3, 4]) float[3, 4]
    %6 = slice(%1, axis=0, start=0, stop=1) float[1, 4]
    %7 = reshape(%6, shape=[4]) float[4]
    %8 = slice(%1, axis=0, start=1, stop=2) float[1, 4]
    %9 = reshape(%8, shape=[4]) float[4]
    %10 = matvec(%3, %7, transposed=False) float[3]
    %11 = matvec(%5, %9, transposed=False) float[3]
    %12 = concat(%10, %11, axis=0) float[6]
    %13 = reshape(%12, shape=[2, 3]) float[2, 3]
    y y = %13
    """
    b = Builder()
    values = [b.input(name, role, shape, kind) for name, role, (kind, shape) in program.inputs]
    for op, inputs, attributes in program.instructions:
        given = [values[k] for k in inputs]
        if op in ("matvec", "outer") and len(b.types[given[-1]].shape) > 1:
            values.append(_product(b, op, given, attributes))
        else:
            values.append(b.op(op, *given, **attributes))
    for name, role, value in program.outputs:
        b.output(name, role, values[value])
    return b.program()


def _product(b: Builder, op: str, given: Sequence[int], attributes: dict[str, Any]) -> int:
    """A product head by head; the last operand is a vector a head."""
    heads = b.types[given[-1]].shape[:-1]
    one, other = (_heads(b, value, len(heads)) for value in given)
    products = [b.op(op, x, y, **attributes) for x, y in zip(one, other, strict=True)]
    made = b.types[products[0]].shape
    if len(made) > 1:
        products = [b.op("reshape", each, shape=(math.prod(made),)) for each in products]
    return b.op("reshape", b.op("concat", *products, axis=0), shape=(*heads, *made))


def _heads(b: Builder, value: int, axes: int) -> list[int]:
    """The parts of a value for each head; heads may lie in several axes."""
    heads, own = b.types[value].shape[:axes], b.types[value].shape[axes:]
    count = math.prod(heads)
    if axes > 1:
        value = b.op("reshape", value, shape=(count, *own))
    parts = (b.op("slice", value, axis=0, start=k, stop=k + 1) for k in range(count))
    return [b.op("reshape", part, shape=own) for part in parts]
