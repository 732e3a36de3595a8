"""Programs that mean the same and do less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recurra.compiler.simplify import algebra, concats, constants, products, reductions, views
from recurra.compiler.simplify.context import Context, Rewrite
from recurra.compiler.simplify.flow import shared_values
from recurra.compiler.simplify.once import split_once
from recurra.compiler.simplify.ordering import order_sum
from recurra.compiler.simplify.rewriting import Rewriter, Rules, merged
from recurra.compiler.simplify.timing import shrink_concat, split_product, split_result
from recurra.program import Instruction, Program

__all__ = ["REWRITES", "RULES", "shared_values", "simplify", "split_once"]

# What an op becomes, seen by itself.
RULES: Rules = merged(
    constants.RULES,
    views.RULES,
    concats.RULES,
    algebra.RULES,
    reductions.RULES,
    products.RULES,
)

# What it becomes when the whole program is seen.
REWRITES: Mapping[str, Sequence[Rewrite]] = {
    "matvec": (split_product,),
    "slice": (split_result, shrink_concat),
    "add": (order_sum,),
}

_MOST_ROUNDS = 10  # three or four are the rule


def simplify(program: Program) -> Program:
    """A program that means the same, up to rounding and the sign of zeros, and does less.

    - Nothing is computed twice, nothing that is not used, and nothing that is known beforehand.
    - Views of views are one view; arithmetic with 0 and 1 is gone.
    - What is put together from pieces has no zeros that are only there to be added.
    - A product of weights with pieces is split into what is there before a loop and the rest.
    - In sums, products by weights come last, so that they are added up onto the other terms.

    Args:
        program: a valid program.

    Returns:
        A valid program with the same inputs, and outputs of the same names, in the same order.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x = b.input("x", "x", (3,))
    >>> b.output("y", "y", b.op("add", b.op("mul", x, b.like(1, x)), b.op("neg", b.op("exp", x))))
    >>> print(simplify(b.program()))
    %0 = x x float[3]
    %1 = exp(%0) float[3]
    %2 = sub(%0, %1) float[3]
    y y = %2
    """
    program = _rewritten(program, {})
    for _ in range(_MOST_ROUNDS):
        before, program = program, _rewritten(program, REWRITES)
        if program == before:
            break
    return program


def _rewritten(program: Program, rewrites: Mapping[str, Sequence[Rewrite]]) -> Program:
    """One pass over a program, from its inputs to its outputs."""
    b = Rewriter(RULES)
    c = Context(program, b)
    c.new += [b.input(name, role, shape, kind) for name, role, (kind, shape) in program.inputs]
    for value, instruction in enumerate(program.instructions, len(program.inputs)):
        found = _whole(c, value, instruction, rewrites)
        if found is None:
            op, inputs, attributes = instruction
            found = b.op(op, *(c.new[k] for k in inputs), **attributes)
        c.new.append(found)
    for name, role, value in program.outputs:
        b.output(name, role, c.new[value])
    return b.program()


def _whole(
    c: Context, value: int, instruction: Instruction, rewrites: Mapping[str, Sequence[Rewrite]]
) -> int | None:
    for rewrite in rewrites.get(instruction.op, ()):
        found = rewrite(c, value, instruction)
        if found is not None:
            return found
    return None
