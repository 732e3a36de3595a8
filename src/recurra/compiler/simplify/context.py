"""A whole program in view: who else uses a value, and in which loop over time it is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from recurra.compiler.simplify.flow import find_users, loops_over_time, shared_values
from recurra.compiler.simplify.rewriting import Rewriter
from recurra.program import Instruction, Program, Type

__all__ = ["Context", "Rewrite"]


class Context:
    """A program on its way into a builder.

    Attributes:
        b: the builder of the new program.
        new: the number in it of each value of the old one.
    """

    def __init__(self, program: Program, b: Rewriter) -> None:
        self.program, self.b = program, b
        self.new: list[int] = []
        self._given_out = {output.value for output in program.outputs}

    @cached_property
    def types(self) -> list[Type]:
        """The types of the old program's values."""
        return self.program.types()

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """The values made of each of them; one twice that takes it twice."""
        return find_users(self.program)

    @cached_property
    def shared(self) -> frozenset[int]:
        """Which of them depend on weights only."""
        return shared_values(self.program)

    @cached_property
    def loops(self) -> dict[int, int]:
        """Which of them lie in which loop over time."""
        return loops_over_time(self.program)

    def instruction(self, value: int) -> Instruction | None:
        """The instruction of the old program that makes a value; None for an input."""
        place = value - len(self.program.inputs)
        return self.program.instructions[place] if place >= 0 else None

    def made_by(self, op: str, value: int) -> Instruction | None:
        """The instruction of the old program that makes a value, if it is one of this op."""
        found = self.instruction(value)
        return found if found is not None and found.op == op else None

    def used_once(self, value: int) -> bool:
        """Whether one value is made of it, and it is not given out itself."""
        return value not in self._given_out and len(self.users[value]) == 1

    def slices_of(self, value: int) -> dict[int, dict[str, Any]]:
        """The slices of a value and their attributes; none if anything else takes it whole."""
        found = {}
        for user in self.users[value]:
            made = self.made_by("slice", user)
            if made is None or value in self._given_out:
                return {}
            found[user] = made.attributes
        return found

    def size(self, value: int, axis: int = 0) -> int:
        """How long an axis of a value of the old program is."""
        return self.types[value].shape[axis]


# (context, value of the old program, the instruction that makes it) -> new value, or None.
Rewrite = Callable[[Context, int, Instruction], "int | None"]
