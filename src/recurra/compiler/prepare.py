"""From a step as it was written to the step that the engine runs."""

from __future__ import annotations

from recurra.compiler.cut import cut_products
from recurra.compiler.fuse import fuse
from recurra.compiler.heads import one_head_each
from recurra.compiler.norms import find_norms
from recurra.compiler.simplify import simplify
from recurra.compiler.widen import widen
from recurra.program import Program

__all__ = ["prepare"]


def prepare(program: Program) -> Program:
    """The same step in the fewest and widest ops; what it computes, to the bit, is decided here.

    >>> import recurra as rc
    >>> step = prepare(rc.compiler.trace(rc.Recurrent(rc.cells.GRU(3, 8))).program)
    >>> sorted({instruction.op for instruction in step.instructions})
    ['addmatvec', 'constant', 'fma', 'mul', 'sigmoid', 'slice', 'sub', 'tanh']
    """
    return widen(find_norms(fuse(cut_products(simplify(one_head_each(program))))))
