"""What every valid program obeys; one that does not is refused before anything runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from recurra.errors import ProgramError
from recurra.program.ops import Type
from recurra.program.program import Input, InputRole, Output, OutputRole, Program

__all__ = ["MOST_ELEMENTS", "MOST_VALUES", "verify"]

MOST_VALUES = 100_000
MOST_ELEMENTS = 1 << 28  # of one value
_KINDS = ("float", "bool", "index")


def verify(program: Program) -> list[Type]:
    """Check a whole program.

    - Every input has a known role and kind, a name of its own within its role, and a shape.
    - Every instruction names an op of the table, takes values that exist before it, with types and
      attributes that the op takes.
    - No value is larger than `MOST_ELEMENTS`, and there are at most `MOST_VALUES`.
    - Every state has exactly one new state, of the same type, and every new state its state.
    - Every output is a value that exists; answers and gradients are floats; a weight's or an x's
      gradient has its type.

    Returns:
        The type of every value.

    Raises:
        ProgramError: a rule is broken; names the instruction, input or output.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x = b.input("x", "x", (3,))
    >>> b.output("y", "y", b.op("tanh", x))
    >>> [str(given) for given in verify(b.program())]
    ['float[3]', 'float[3]']
    """
    if len(program.inputs) + len(program.instructions) > MOST_VALUES:
        raise ProgramError(f"the program has more than {MOST_VALUES} values.")
    for given in program.inputs:
        _check_input(given)
    _check_names(program.inputs, "inputs")
    types = [given.type for given in program.inputs]
    for place, instruction in enumerate(program.instructions):
        where = f"instruction {place}"
        _check_values(where, instruction.inputs, len(types))
        try:
            types.append(instruction.infer([types[k] for k in instruction.inputs]))
        except ProgramError as error:
            raise ProgramError(f"{where}: {error}") from error
        _check_size(where, types[-1])
    for output in program.outputs:
        _check_output(output, program, types)
    _check_names(program.outputs, "outputs")
    _check_states(program)
    return types


def _check_input(given: Input) -> None:
    where = f"input {given.name!r}"
    if given.role not in get_args(InputRole):
        raise ProgramError(
            f"{where} has the role {given.role!r}, expected one of "
            f"{', '.join(get_args(InputRole))}."
        )
    kind, shape = given.type
    if kind not in _KINDS or not isinstance(shape, tuple):
        raise ProgramError(f"{where} has the type {given.type!r}, which is none.")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ProgramError(f"{where} has the shape {shape!r}, expected sizes from 0.")
    _check_size(where, given.type)


def _check_size(where: str, given: Type) -> None:
    if math.prod(given.shape) > MOST_ELEMENTS:
        raise ProgramError(f"{where} is {given}, more than {MOST_ELEMENTS} elements a row.")


def _check_names(named: Sequence[Input] | Sequence[Output], what: str) -> None:
    for (role, name), count in Counter((each.role, each.name) for each in named).items():
        if count > 1:
            raise ProgramError(f"{count} {what} are {role} {name!r}, expected one.")


def _check_values(where: str, values: Iterable[int], before: int) -> None:
    for value in values:
        if type(value) is not int or not 0 <= value < before:
            raise ProgramError(f"{where} takes %{value}, expected a value before %{before}.")


def _check_output(output: Output, program: Program, types: Sequence[Type]) -> None:
    where = f"output {output.name!r}"
    if output.role not in get_args(OutputRole):
        raise ProgramError(
            f"{where} has the role {output.role!r}, expected one of "
            f"{', '.join(get_args(OutputRole))}."
        )
    _check_values(where, [output.value], len(types))
    found = types[output.value]
    if output.role == "y":
        if found.kind != "float":
            raise ProgramError(f"{where} is {found}, expected floats.")
        return
    wanted = next(
        (each.type for each in program.inputs if each[:2] == (output.name, output.role)), None
    )
    if wanted is None:
        raise ProgramError(f"{where} is a {output.role}, but no input of that role has its name.")
    if found != wanted:
        raise ProgramError(f"{where} is {found}, expected {wanted} as the {output.role} it is of.")


def _check_states(program: Program) -> None:
    new = {output.name for output in program.outputs if output.role == "state"}
    for given in program.inputs:
        if given.role == "state" and given.name not in new:
            raise ProgramError(f"state {given.name!r} has no new state among the outputs.")
