"""A builder that writes each op down in its simplest form, and only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recurra.program import Builder, Instruction

__all__ = ["Rewriter", "Rule", "Rules", "merged"]

# (builder, inputs, attributes) of an op that is about to be made -> an equal value, or None.
Rule = Callable[["Rewriter", tuple[int, ...], Mapping[str, Any]], "int | None"]
Rules = Mapping[str, Sequence[Rule]]

_SYMMETRIC = frozenset({"add", "mul", "max", "min", "equal", "and"})


def merged(*families: Rules) -> Rules:
    """The rules of all families by op, in order."""
    return {
        op: tuple(rule for family in families for rule in family.get(op, ()))
        for family in families
        for op in family
    }


class Rewriter(Builder):
    """Makes a program in which no op is left that a rule rewrites, and none is done twice.

    >>> from recurra.compiler.simplify import RULES
    >>> b = Rewriter(RULES)
    >>> x = b.input("x", "x", (3,))
    >>> b.op("neg", b.op("neg", x)) == x
    True
    >>> b.op("tanh", x) == b.op("tanh", x)
    True
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules
        self._made: dict[tuple[str, tuple[int, ...], str], int] = {}

    def op(self, name: str, *inputs: int, **attributes: Any) -> int:
        """A value equal to that of the op.

        Raises:
            ProgramError: there is no such op, or it does not take these inputs.
        """
        for rule in self._rules.get(name, ()):
            found = rule(self, inputs, attributes)
            if found is not None:
                return found
        order = tuple(sorted(inputs)) if name in _SYMMETRIC else inputs
        key = (name, order, repr(sorted(attributes.items())) if attributes else "")
        known = self._made.get(key)
        if known is None:
            known = self._made[key] = super().op(name, *inputs, **attributes)
        return known

    def made_by(self, op: str, value: int) -> Instruction | None:
        """The instruction that makes a value, if it is one of this op."""
        place = value - len(self.inputs)
        found = self.instructions[place] if place >= 0 else None
        return found if found is not None and found.op == op else None

    def number(self, value: int) -> float | None:
        """The number that a value has in every place, if it is a constant."""
        found = self.made_by("constant", value)
        return None if found is None else found.attributes["value"]

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value."""
        return self.types[value].shape
