"""Programs put together op by op, every type inferred as it comes."""

from __future__ import annotations

from typing import Any

from recurra.errors import ProgramError
from recurra.program.ops import Kind, Type
from recurra.program.program import Input, InputRole, Instruction, Output, OutputRole, Program

__all__ = ["Builder"]


class Builder:
    """Makes a program; values are numbers, in the order they come.

    >>> b = Builder()
    >>> x, h = b.input("x", "x", (3,)), b.input("h", "state", (3,))
    >>> new = b.op("tanh", b.op("add", x, h))
    >>> b.output("h", "state", new)
    >>> print(b.program())
    %0 = x x float[3]
    %1 = state h float[3]
    %2 = add(%0, %1) float[3]
    %3 = tanh(%2) float[3]
    state h = %3
    """

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.instructions: list[Instruction] = []
        self.outputs: list[Output] = []
        self.types: list[Type] = []

    def input(
        self, name: str, role: InputRole, shape: tuple[int, ...], kind: Kind = "float"
    ) -> int:
        """A value that comes from outside; all inputs come before the first op."""
        if self.instructions:
            raise ProgramError(f"input {name!r} comes after the first op.")
        self.inputs.append(Input(name, role, Type(kind, tuple(shape))))
        self.types.append(self.inputs[-1].type)
        return len(self.types) - 1

    def op(self, name: str, *inputs: int, **attributes: Any) -> int:
        """The value of an op.

        Raises:
            ProgramError: there is no such op, or it does not take these inputs.
        """
        instruction = Instruction(name, inputs, attributes)
        self.types.append(instruction.infer([self.types[k] for k in inputs]))
        self.instructions.append(instruction)
        return len(self.types) - 1

    def constant(self, value: float, shape: tuple[int, ...]) -> int:
        """One number in every place of a shape."""
        return self.op("constant", value=float(value), shape=tuple(shape))

    def like(self, value: float, other: int) -> int:
        """One number in the shape of another value."""
        return self.constant(value, self.types[other].shape)

    def maker(self, value: int) -> Instruction | None:
        """The instruction that made a value, or None for an input."""
        place = value - len(self.inputs)
        return None if place < 0 else self.instructions[place]

    def output(self, name: str, role: OutputRole, value: int) -> None:
        """Names a value as an answer, a new state or a gradient."""
        self.outputs.append(Output(name, role, value))

    def numbering(self) -> dict[int, int]:
        """The numbers that values have in the program: those that something given out needs."""
        needed = {output.value for output in self.outputs}
        first = len(self.inputs)
        for place in reversed(range(len(self.instructions))):
            if first + place in needed:
                needed.update(self.instructions[place].inputs)
        kept = (k for k in range(first, len(self.types)) if k in needed)
        return {k: k for k in range(first)} | {k: first + n for n, k in enumerate(kept)}

    def program(self) -> Program:
        """The program so far, without the ops that nothing given out depends on."""
        number, first = self.numbering(), len(self.inputs)
        return Program(
            tuple(self.inputs),
            tuple(
                each._replace(inputs=tuple(number[k] for k in each.inputs))
                for value, each in enumerate(self.instructions, first)
                if value in number
            ),
            tuple(each._replace(value=number[each.value]) for each in self.outputs),
        )
