"""The gradient of a step, in the same ops.

Reverse mode, once over the program from its end: each op knows its gradient in terms of the closed
set (its vector-Jacobian product), so the adjoint of a program is a program.
"""

from __future__ import annotations

from typing import NamedTuple

from recurra.compiler.norms import norms_of
from recurra.program import OPS, Builder, Program, verify
from recurra.program.program import InputRole, OutputRole

__all__ = ["Adjoint", "adjoint_of", "differentiate"]


_HAVE_GRADIENTS: dict[InputRole, OutputRole] = {"x": "x", "state": "state", "weight": "weight"}


def differentiate(program: Program) -> Program:
    """The adjoint of one step.

    Backpropagation through time calls it from the last step to the first: it is given the gradient
    of a loss with respect to this step's answers and new states, and gives that with respect to its
    inputs. Gradients of the states go on to the step before; those of a weight are summed over rows
    and steps.

    Args:
        program: a valid program of a step.

    Returns:
        The verified adjoint. Inputs: those of the step, and an input of role "gradient" for every
        answer, named ``y NAME``, and every new state, named ``state NAME``. Outputs: the gradient
        of every float input of the step, under its role and name.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, w = b.input("x", "x", (2,)), b.input("w", "weight", (3, 2))
    >>> b.output("y", "y", b.op("matvec", w, x, transposed=False))
    >>> print(differentiate(b.program()))
    %0 = x x float[2]
    %1 = weight w float[3, 2]
    %2 = gradient y y float[3]
    %3 = outer(%2, %0) float[3, 2]
    %4 = matvec(%1, %2, transposed=True) float[2]
    x x = %4
    weight w = %3
    """
    adjoint = adjoint_of(program).program
    verify(adjoint)
    return adjoint


class Adjoint(NamedTuple):
    """The adjoint of a step, and what of the step stands in it."""

    program: Program
    values: dict[int, int]  # of the step's values, those that the adjoint holds
    needed: frozenset[int]  # the step's values that gradients are made of


def adjoint_of(program: Program) -> Adjoint:
    """`differentiate`, with the way from the step's values to the adjoint's."""
    types, norms = verify(program), norms_of(program)
    b = Builder()
    values = [b.input(name, role, shape, kind) for name, role, (kind, shape) in program.inputs]
    gradients: dict[int, int] = {}
    given = [
        (
            output.value,
            b.input(f"{output.role} {output.name}", "gradient", types[output.value].shape),
        )
        for output in program.outputs
    ]
    for op, inputs, attributes in program.instructions:
        values.append(b.op(op, *(values[k] for k in inputs), **attributes))
    own = len(b.types)
    for value, one in given:
        _add(b, gradients, value, one)
    first = len(program.inputs)
    for place in reversed(range(len(program.instructions))):
        if first + place not in gradients:
            continue
        gradient = gradients.pop(first + place)
        op, inputs, attributes = program.instructions[place]
        output, norm = values[first + place], norms.get(first + place)
        if norm is not None:  # all that comes back to x, that by way of the scale too
            scale = values[norm.scale]
            slope = b.op("norm_slope", gradient, output, scale, centred=norm.centred)
            _add(b, gradients, inputs[norm.x], slope)
            continue
        parts = OPS[op].vector_jacobian(
            b, [values[k] for k in inputs], output, gradient, attributes
        )
        for value, part in zip(inputs, parts, strict=True):
            if part is not None:
                _add(b, gradients, value, part)
    for value, (name, role, (kind, shape)) in enumerate(program.inputs):
        if kind == "float" and role in _HAVE_GRADIENTS:
            gradient = gradients[value] if value in gradients else b.constant(0, shape)
            b.output(name, _HAVE_GRADIENTS[role], gradient)
    number = b.numbering()
    back = {inside: value for value, inside in enumerate(values)}
    read = {
        source
        for place, instruction in enumerate(b.instructions)
        if (value := len(b.inputs) + place) in number and value >= own
        for source in instruction.inputs
    } | {output.value for output in b.outputs}
    return Adjoint(
        b.program(),
        {value: number[inside] for value, inside in enumerate(values) if inside in number},
        frozenset(back[source] for source in read if source in back),
    )


def _add(b: Builder, gradients: dict[int, int], value: int, gradient: int) -> None:
    """A value that is used twice has the sum of both gradients."""
    known = gradients.get(value)
    gradients[value] = gradient if known is None else b.op("add", known, gradient)
