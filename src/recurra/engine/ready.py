"""A model with torch gone: one step as a program, and what else there is to know of it.

This is what a model file says of how a model runs. It comes from outside, so all of it is checked
before anything is made of it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from recurra.engine import Array, Raw
from recurra.errors import ModelFileError, ProgramError
from recurra.program import Input, Program, from_json, to_json

__all__ = ["Ready", "read_ready", "write_ready"]

MOST_ELEMENTS = 1 << 26  # that one row makes in one step, besides 16 for each weight
MOST_TEXT = 1 << 16  # characters
_TYPES = {"float32": "F32", "float64": "F64"}
_FIELDS = {
    "program": dict, "signature": str, "equations": dict, "parameters": int,
    "constants": list, "start": list,
}  # fmt: skip


class Ready(NamedTuple):
    """A model ready to be run without torch."""

    program: Program  # one event x, one answer y, states and weights by name
    dtype: str  # "float32" or "float64"
    weights: Mapping[str, Array]
    constants: tuple[str, ...]  # those of the weights that are not in the layers' state_dict
    start: Mapping[str, Array]  # H_0 of one row; slots that it leaves out are zeros
    signature: str
    equations: Mapping[str, str]
    parameters: int

    @property
    def added(self) -> dict[str, Array]:
        """What a file has to hold besides the layers' own tensors, by names that no weight has."""
        constants = {_constant(name): self.weights[name] for name in self.constants}
        return constants | {_start(slot): array for slot, array in self.start.items()}

    @property
    def x(self) -> Input:
        """The event."""
        return next(given for given in self.program.inputs if given.role == "x")

    @property
    def output_size(self) -> int:
        """How many features it answers with."""
        (y,) = (output.value for output in self.program.outputs if output.role == "y")
        return self.program.types()[y].shape[0]

    @property
    def states(self) -> list[Input]:
        """The slots, in order."""
        return [given for given in self.program.inputs if given.role == "state"]

    @property
    def indices(self) -> int | None:
        """How many indices there are to choose from, where an event is one."""
        sizes = [
            instruction.attributes["size"]
            for instruction in self.program.instructions
            if instruction.op == "one_hot"
        ]
        return min(sizes, default=None) if self.x.type.kind == "index" else None


def _constant(name: str) -> str:
    return f"step {name}"


def _start(slot: str) -> str:
    return f"H_0 {slot}"


def write_ready(ready: Ready) -> tuple[dict[str, Any], dict[str, Raw]]:
    """What a file says of a model in JSON, and the tensors it adds to the layers' own."""
    value = {
        "program": to_json(ready.program),
        "signature": ready.signature,
        "equations": dict(ready.equations),
        "parameters": ready.parameters,
        "constants": list(ready.constants),
        "start": list(ready.start),
    }
    return value, {name: _raw(array) for name, array in ready.added.items()}


def read_ready(value: Any, dtype: str, tensors: Mapping[str, Raw]) -> Ready:
    """A model out of what a file says, which anybody may have written.

    Args:
        value: JSON values.
        dtype: the floating type that it runs in.
        tensors: the file's, by name.

    Raises:
        ModelFileError: it is not a model that can run, or not one of these tensors.
    """
    _check_fields(value, dtype)
    try:
        program = from_json(value["program"])
    except ProgramError as error:
        raise ModelFileError(f"has a step that is no program: {error}") from error
    _check_roles(program)
    inputs = {(given.role, given.name): given for given in program.inputs}
    weights = {
        name: _array(_constant(name) if name in value["constants"] else name, given, dtype, tensors)
        for (role, name), given in inputs.items()
        if role == "weight"
    }
    if surplus := set(value["constants"]) - weights.keys():
        raise ModelFileError(f"has a constant {min(surplus)[:80]!r} that its step does not take.")
    start = {}
    for slot in value["start"]:
        if ("state", slot) not in inputs:
            raise ModelFileError(f"has an H_0 for {slot[:80]!r}, which is no slot of its state.")
        start[slot] = _array(_start(slot), inputs["state", slot], dtype, tensors)
    _check_size(program, sum(weight.size for weight in weights.values()))
    return Ready(
        program=program,
        dtype=dtype,
        weights=weights,
        constants=tuple(value["constants"]),
        start=start,
        signature=value["signature"],
        equations=value["equations"],
        parameters=value["parameters"],
    )


def _check_fields(value: Any, dtype: str) -> None:
    if not isinstance(value, dict) or {name: type(each) for name, each in value.items()} != _FIELDS:
        raise ModelFileError(f"has a step with other fields than {', '.join(_FIELDS)}.")
    if dtype not in _TYPES:
        raise ModelFileError(f"has a step in {dtype[:40]!r}, expected {' or '.join(_TYPES)}.")
    if not all(isinstance(name, str) for name in (*value["constants"], *value["start"])):
        raise ModelFileError("has a step whose constants or H_0 have no names.")
    if value["parameters"] < 0:
        raise ModelFileError(f"says that it has {value['parameters']} parameters.")
    # What is shown to people is text, and steers no terminal.
    shown = [value["signature"], *value["equations"]]
    for text in value["equations"].values():
        shown += text.split("\n") if isinstance(text, str) else [""]
        if not isinstance(text, str):
            raise ModelFileError("has equations that are no text.")
    if not all(text.isprintable() for text in shown) or sum(map(len, shown)) > MOST_TEXT:
        raise ModelFileError("has a signature or equations that cannot be shown.")


def _check_roles(program: Program) -> None:
    """One event, one answer, and nothing but states and weights besides."""
    roles = [given.role for given in program.inputs]
    if roles.count("x") != 1 or not set(roles) <= {"x", "state", "weight"}:
        raise ModelFileError("has a step that takes other than one x, states and weights.")
    for name, role, (kind, shape) in program.inputs:
        wanted = ((1, "float"), (0, "index")) if role == "x" else ((len(shape), "float"),)
        if (len(shape), kind) not in wanted:
            raise ModelFileError(f"has a step whose {role} {name[:80]!r} is {kind} {shape}.")
    types = program.types()
    answers = [types[output.value] for output in program.outputs if output.role == "y"]
    if len(answers) != 1 or len(answers[0].shape) != 1:
        raise ModelFileError("has a step that gives other than one answer of features.")
    if any(output.role not in ("y", "state") for output in program.outputs):
        raise ModelFileError("has a step that gives other than answers and states.")


def _check_size(program: Program, weights: int) -> None:
    """A step can claim any size; its states and values are where that would be paid for."""
    made = sum(
        math.prod(given.shape)
        for given, role in zip(
            program.types(), (*(g.role for g in program.inputs), *program.instructions), strict=True
        )
        if role != "weight"
    )
    if made > MOST_ELEMENTS + 16 * weights:
        raise ModelFileError(
            f"has a step of {made} numbers a row, expected at most {MOST_ELEMENTS}."
        )


def _raw(array: Array) -> Raw:
    stored = array.astype(array.dtype.newbyteorder("<"))
    return _TYPES[array.dtype.name], array.shape, stored.tobytes()


def _array(name: str, given: Input, dtype: str, tensors: Mapping[str, Raw]) -> Array:
    """A tensor of the file, if it is what the program takes."""
    if name not in tensors:
        raise ModelFileError(f"lacks the tensor {name[:80]!r}.")
    stored, shape, data = tensors[name]
    wanted = (_TYPES[dtype], given.type.shape)
    if (stored, shape) != wanted:
        raise ModelFileError(
            f"tensor {name[:80]!r} is {stored} {shape}, but its step takes {wanted[0]} {wanted[1]}."
        )
    array = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return array.astype(dtype) if sys.byteorder == "big" else array
