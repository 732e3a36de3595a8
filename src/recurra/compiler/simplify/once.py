"""What depends on weights only, split off to be computed once."""

from __future__ import annotations

from recurra.compiler.simplify.flow import VIEWS, shared_values
from recurra.program import Builder, Program

__all__ = ["split_once"]


def split_once(program: Program) -> tuple[Program | None, Program]:
    """A program as what it computes on weights only, and the rest.

    Views of weights and constants stay where they are: they compute nothing.

    Args:
        program: a valid program.

    Returns:
        A program from weights, given as x under their names, to answers ``once.0``, ``once.1``,
        ...; None when there is nothing to compute. And the rest, which takes those answers as
        further weights, after all its other inputs.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, w = b.input("x", "x", (2,)), b.input("w", "weight", (2,))
    >>> b.output("y", "y", b.op("mul", x, b.op("exp", w)))
    >>> once, rest = split_once(b.program())
    >>> print(once)
    %0 = x w float[2]
    %1 = exp(%0) float[2]
    y once.0 = %1
    >>> print(rest)
    %0 = x x float[2]
    %1 = weight w float[2]
    %2 = weight once.0 float[2]
    %3 = mul(%0, %2) float[2]
    y y = %3
    """
    given_out = _given_out(program)
    if not given_out:
        return None, program
    return _first(program, given_out), _rest(program, given_out)


def _given_out(program: Program) -> list[int]:
    """The computed values that depend on weights only and that the rest needs."""
    shared, first = shared_values(program), len(program.inputs)
    types = program.types()
    needed = {output.value for output in program.outputs}
    found = []
    for value in reversed(range(first, first + len(program.instructions))):
        op, inputs, _ = program.instructions[value - first]
        if value not in needed:
            continue
        computes = value in shared and op not in VIEWS and op != "constant"
        if computes and types[value].kind == "float":  # an answer is
            found.append(value)
        else:
            needed.update(inputs)
    return found[::-1]


def _first(program: Program, given_out: list[int]) -> Program:
    """The weights' own computation."""
    first, types = len(program.inputs), program.types()
    needed = set(given_out)
    for value in reversed(range(first, len(types))):
        if value in needed:
            needed.update(program.instructions[value - first].inputs)
    b = Builder()
    new = {
        value: b.input(name, "x", shape, kind)
        for value, (name, _, (kind, shape)) in enumerate(program.inputs)
        if value in needed
    }
    for value in sorted(needed - set(range(first))):
        op, inputs, attributes = program.instructions[value - first]
        new[value] = b.op(op, *(new[k] for k in inputs), **attributes)
    for place, value in enumerate(given_out):
        b.output(f"once.{place}", "y", new[value])
    return b.program()


def _rest(program: Program, given_out: list[int]) -> Program:
    """All else, with what was computed once as weights."""
    first, types = len(program.inputs), program.types()
    b = Builder()
    new = {
        k: b.input(name, role, t.shape, t.kind) for k, (name, role, t) in enumerate(program.inputs)
    }
    for place, value in enumerate(given_out):
        new[value] = b.input(f"once.{place}", "weight", types[value].shape)
    for value, (op, inputs, attributes) in enumerate(program.instructions, first):
        if value not in new:
            new[value] = b.op(op, *(new[k] for k in inputs), **attributes)
    for name, role, value in program.outputs:
        b.output(name, role, new[value])
    return b.program()
