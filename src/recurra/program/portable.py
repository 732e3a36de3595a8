"""Programs as JSON values and back, every word of them checked on the way in."""

from __future__ import annotations

import math
from typing import Any

from recurra.errors import ProgramError
from recurra.program.ops import Type
from recurra.program.program import Input, Instruction, Output, Program
from recurra.program.verify import verify

__all__ = ["from_json", "to_json"]


def to_json(program: Program) -> dict[str, Any]:
    """A program as JSON values.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> b.output("y", "y", b.op("tanh", b.input("x", "x", (3,))))
    >>> to_json(b.program())["instructions"]
    [{'op': 'tanh', 'inputs': [0], 'attributes': {}}]
    """
    return {
        "inputs": [
            {"name": name, "role": role, "kind": kind, "shape": list(shape)}
            for name, role, (kind, shape) in program.inputs
        ],
        "instructions": [
            {
                "op": op,
                "inputs": list(inputs),
                "attributes": {
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in attributes.items()
                },
            }
            for op, inputs, attributes in program.instructions
        ],
        "outputs": [
            {"name": name, "role": role, "value": value} for name, role, value in program.outputs
        ],
    }


def from_json(value: Any) -> Program:
    """A program out of JSON values that anybody may have written.

    Raises:
        ProgramError: it is not a valid program.

    >>> from_json({"inputs": [], "instructions": [{"op": "launch"}], "outputs": []})
    Traceback (most recent call last):
    recurra.errors.ProgramError: an instruction has the fields op, expected op, inputs, attributes.
    """
    whole = _fields(value, "a program", inputs=list, instructions=list, outputs=list)
    program = Program(
        tuple(_input(each) for each in whole["inputs"]),
        tuple(_instruction(each) for each in whole["instructions"]),
        tuple(_output(each) for each in whole["outputs"]),
    )
    verify(program)
    return program


def _fields(value: Any, what: str, /, **types: type) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(types):
        found = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise ProgramError(f"{what} has the fields {found}, expected {', '.join(types)}.")
    for name, wanted in types.items():
        if type(value[name]) is not wanted:
            raise ProgramError(
                f"{what} has {name} of type {type(value[name]).__name__}, "
                f"expected {wanted.__name__}."
            )
    return value


def _input(value: Any) -> Input:
    given = _fields(value, "an input", name=str, role=str, kind=str, shape=list)
    return Input(given["name"], given["role"], Type(given["kind"], tuple(given["shape"])))


def _instruction(value: Any) -> Instruction:
    given = _fields(value, "an instruction", op=str, inputs=list, attributes=dict)
    attributes = {name: _attribute(each) for name, each in given["attributes"].items()}
    return Instruction(given["op"], tuple(given["inputs"]), attributes)


def _attribute(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ProgramError(f"an attribute is {value}, expected a finite number.")
    return value


def _output(value: Any) -> Output:
    given = _fields(value, "an output", name=str, role=str, value=int)
    return Output(given["name"], given["role"], given["value"])
