"""What a model computes in one step: a short list of ops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from recurra.errors import ProgramError
from recurra.program.ops import OPS, Type

__all__ = ["Input", "InputRole", "Instruction", "Output", "OutputRole", "Program"]

InputRole = Literal["x", "state", "weight", "draw", "gradient"]
OutputRole = Literal["y", "state", "weight", "x"]


class Input(NamedTuple):
    """A value from outside."""

    name: str
    role: InputRole
    type: Type


class Instruction(NamedTuple):
    """One op on earlier values."""

    op: str
    inputs: tuple[int, ...]
    attributes: dict[str, Any]

    def infer(self, types: Sequence[Type]) -> Type:
        """The type of the result.

        Raises:
            ProgramError: there is no such op, or it does not take these.
        """
        op = OPS.get(self.op)
        if op is None:
            raise ProgramError(f"there is no op {self.op!r}.")
        if set(self.attributes) != set(op.attributes):
            wanted = ", ".join(op.attributes) or "none"
            raise ProgramError(
                f"{self.op} has the attributes {', '.join(self.attributes) or 'none'}, "
                f"expected {wanted}."
            )
        if len(types) != op.arity if op.arity is not None else not types:
            raise ProgramError(
                f"{self.op} has {len(types)} inputs, expected {op.arity or 'at least one'}."
            )
        try:
            return op.type_rule(types, self.attributes)
        except (ValueError, TypeError) as error:
            raise ProgramError(f"{self.op} {error}.") from error


class Output(NamedTuple):
    """A value that is given out."""

    name: str
    role: OutputRole
    value: int


@dataclass(frozen=True)
class Program:
    """One step of a model.

    Values are numbered: first the inputs, then a value an instruction. Types speak of one row.
    """

    inputs: tuple[Input, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[Output, ...]

    def types(self) -> list[Type]:
        """The type of every value.

        Raises:
            ProgramError: an instruction does not take its inputs.
        """
        types = [given.type for given in self.inputs]
        for instruction in self.instructions:
            types.append(instruction.infer([types[k] for k in instruction.inputs]))
        return types

    def __str__(self) -> str:
        lines = []
        for value, given in enumerate(self.types()):
            if value < len(self.inputs):
                name, role, _ = self.inputs[value]
                lines.append(f"%{value} = {role} {name} {given}")
                continue
            op, inputs, attributes = self.instructions[value - len(self.inputs)]
            arguments = [f"%{k}" for k in inputs]
            arguments += [f"{name}={_text(setting)}" for name, setting in attributes.items()]
            lines.append(f"%{value} = {op}({', '.join(arguments)}) {given}")
        lines += [f"{role} {name} = %{value}" for name, role, value in self.outputs]
        return "\n".join(lines)


def _text(setting: Any) -> str:
    return f"[{', '.join(map(str, setting))}]" if isinstance(setting, tuple) else repr(setting)
