"""Gradients of weights as sums over all rows and times, each onto a part of a weight."""

from __future__ import annotations

from dataclasses import dataclass, field

from recurra.compiler.plan.views import View, contiguous, reshaped
from recurra.compiler.simplify.flow import find_users
from recurra.program import Program

__all__ = ["Sum", "sums_of"]


@dataclass
class Sum:
    """Something summed over rows and times."""

    kind: (
        str  # "outer" of two vectors, "scatter" of a vector by an index, or "column_sum" of one or
    )
    # of two multiplied
    weight: str
    into: View  # the part of the weight's gradient
    values: tuple[int, ...]  # what is summed, of the program
    extra: int = 0
    inputs: list[View] = field(default_factory=list)

    def words(self) -> str:
        """The sum in words."""
        shapes = " ".join(str(list(view.shape)) for view in self.inputs)
        return f"{self.kind.replace('_', ' ')} {shapes} onto {self.weight}"


def sums_of(program: Program) -> tuple[list[Sum], frozenset[int]]:
    """The sums that a program's outputs of role "weight" ask for.

    Returns:
        The sums, and the values that only they read and that are never made themselves.
    """
    sums: list[Sum] = []
    types = program.types()
    for name, role, value in program.outputs:
        if role == "weight":
            shape = types[value].shape
            _Walk(program, name, sums).to(value, View(-1, 0, shape, contiguous(shape)))
    return sums, _unmade(program, sums)


class _Walk:
    """From a weight's gradient back to what it is summed from."""

    def __init__(self, program: Program, weight: str, sums: list[Sum]) -> None:
        self.program = program
        self.weight = weight
        self.sums = sums
        self.first = len(program.inputs)
        self.types = program.types()
        self.users = find_users(program)

    def to(self, value: int, into: View) -> None:
        """Sum a value onto a part of the weight."""
        if value >= self.first:
            op, inputs, attributes = self.program.instructions[value - self.first]
            if op == "constant" and attributes["value"] == 0:
                return
            if op == "add":
                for term in inputs:
                    self.to(term, into)
                return
            if op == "concat" and not self.users[value]:  # else it is there as a whole
                self._parts(inputs, attributes["axis"], into)
                return
            if op == "reshape":
                inside = reshaped(into, self.types[inputs[0]].shape)
                if inside is not None:
                    self.to(inputs[0], inside)
                    return
            if op == "transpose":
                order = attributes["order"]
                back = [order.index(axis) for axis in range(len(order))]
                self.to(
                    inputs[0],
                    into._replace(
                        shape=tuple(into.shape[axis] for axis in back),
                        strides=tuple(into.strides[axis] for axis in back),
                    ),
                )
                return
            if op == "outer":
                self._outer(inputs, into)
                return
        self.sums.append(Sum("column_sum", self.weight, into, (value,)))

    def _parts(self, parts: tuple[int, ...], axis: int, into: View) -> None:
        start = 0
        for part in parts:
            shape = self.types[part].shape
            self.to(
                part, into._replace(offset=into.offset + start * into.strides[axis], shape=shape)
            )
            start += shape[axis]

    def _outer(self, inputs: tuple[int, ...], into: View) -> None:
        one, other = inputs
        index = self._index_of(one)
        if index is not None:
            size = self.types[one].shape[0]
            self.sums.append(Sum("scatter", self.weight, into, (index, other), size))
            return
        if into.strides[1] == 1 or into.shape[1] == 1:
            self.sums.append(Sum("outer", self.weight, into, (one, other)))
            return
        turned = into._replace(shape=into.shape[::-1], strides=into.strides[::-1])
        self.sums.append(Sum("outer", self.weight, turned, (other, one)))

    def _index_of(self, value: int) -> int | None:
        if value < self.first:
            return None
        op, inputs, _ = self.program.instructions[value - self.first]
        return inputs[0] if op == "one_hot" else None


def _unmade(program: Program, sums: list[Sum]) -> frozenset[int]:
    """Values on the way from sums to outputs that nothing else reads."""
    made = {value for each in sums for value in each.values}
    made |= {o.value for o in program.outputs if o.role != "weight"}
    needed: set[int] = set()
    waiting = list(made)
    first = len(program.inputs)
    while waiting:
        value = waiting.pop()
        if value not in needed:
            needed.add(value)
            if value >= first:
                waiting += program.instructions[value - first].inputs
    users = find_users(program)
    return frozenset(value for value in users if value >= first and value not in needed)
