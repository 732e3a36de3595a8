"""Layer norms and RMS norms, found among plain ops and made in one op each.

The ops make the bits that the plain ops made, and their gradient is the short one: it needs the
norm's value and scale, and not what both came from.
"""

from __future__ import annotations

from typing import NamedTuple

from recurra.program import Builder, Instruction, Program

__all__ = ["Norm", "find_norms", "norms_of"]


class _Scale(NamedTuple):
    """What makes up 1 / sqrt(mean((x - mean x)^2) + epsilon)."""

    x: int
    epsilon: float
    centred: bool


class Norm(NamedTuple):
    """What an instruction makes the norm of."""

    x: int  # place among its inputs
    scale: int  # value
    centred: bool


class _Finder:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = len(program.inputs)
        self.types = program.types()

    def made_by(self, op: str, value: int) -> Instruction | None:
        found = self.program.instructions[value - self.first] if value >= self.first else None
        return found if found is not None and found.op == op else None

    def in_shape(self, value: int) -> int:
        """The value that is only in another shape here."""
        while found := self.made_by("reshape", value):
            (value,) = found.inputs
        return value

    def of_each_line(self, value: int) -> int | None:
        """The numbers that a value repeats along its last axis, one for each place before it."""
        found = self.made_by("expand", value)
        if found is None:
            return None
        (numbers,) = found.inputs
        alike = self.types[numbers].shape == (*self.types[value].shape[:-1], 1)
        return self.in_shape(numbers) if alike else None

    def less_its_mean(self, value: int) -> int | None:
        """The x of x - mean(x)."""
        found = self.made_by("sub", value)
        if found is None:
            return None
        x, repeated = found.inputs
        number = self.of_each_line(repeated)
        mean = None if number is None else self.made_by("mean", number)
        return x if mean is not None and mean.inputs == (x,) else None

    def scale(self, value: int) -> _Scale | None:
        """What a value is the scale of."""
        root = self.made_by("rsqrt", value)
        total = self.made_by("add", root.inputs[0]) if root else None
        for one, other in (total.inputs, total.inputs[::-1]) if total else ():
            constant = self.made_by("constant", other)
            mean = self.made_by("mean", self.in_shape(one))
            square = self.made_by("mul", mean.inputs[0]) if mean else None
            if constant and square and square.inputs[0] == square.inputs[1]:
                inside = square.inputs[0]
                x = self.less_its_mean(inside)
                epsilon = constant.attributes["value"]
                return _Scale(inside if x is None else x, epsilon, x is not None)
        return None

    def norm(self, x: int, scale: int, norm: Norm) -> Norm | None:
        """A norm, if its scale is that of its x, and epsilon is nothing that could be learned."""
        found = self.made_by("norm_scale", scale)
        if found is None or self.made_by("constant", found.inputs[1]) is None:
            return None
        fits = found.inputs[0] == x and found.attributes["centred"] == norm.centred
        return norm if fits else None


def find_norms(program: Program) -> Program:
    """A program with ``norm_scale`` and ``standardize`` in the place of what they consist of.

    >>> import recurra as rc
    >>> from recurra.compiler.simplify import simplify
    >>> from torch import nn
    >>> layer = rc.Stack(nn.Linear(3, 4), nn.LayerNorm(4))
    >>> program = find_norms(simplify(rc.compiler.trace(layer).program))
    >>> [instruction.op for instruction in program.instructions][-4:]
    ['norm_scale', 'standardize', 'mul', 'add']
    """
    find, b = _Finder(program), Builder()
    new = [b.input(name, role, shape, kind) for name, role, (kind, shape) in program.inputs]
    scales: dict[int, tuple[_Scale, int]] = {}
    for value, (op, inputs, attributes) in enumerate(program.instructions, find.first):
        scale = find.scale(value)
        if scale is not None:
            epsilon = b.constant(scale.epsilon, find.types[scale.x].shape[:-1])
            made = b.op("norm_scale", new[scale.x], epsilon, centred=scale.centred)
            scales[value] = scale, made
            new.append(b.op("reshape", made, shape=find.types[value].shape))
            continue
        standard = _standardized(find, op, inputs, scales)
        if standard is not None:
            x, made = standard
            new.append(b.op("standardize", new[x], made))
            continue
        new.append(b.op(op, *(new[k] for k in inputs), **attributes))
    for name, role, value in program.outputs:
        b.output(name, role, new[value])
    return b.program()


def _standardized(
    find: _Finder, op: str, inputs: tuple[int, ...], scales: dict[int, tuple[_Scale, int]]
) -> tuple[int, int] | None:
    """The x of (x - mean(x)) s, and s as it is in the new program."""
    for one, other in (inputs, inputs[::-1]) if op == "mul" else ():
        x, numbers = find.less_its_mean(one), find.of_each_line(other)
        if x is not None and numbers in scales and scales[numbers][0].x == x:
            return x, scales[numbers][1]
    return None


def norms_of(program: Program) -> dict[int, Norm]:
    """The values that are norms with a scale of their own, which then depend on x only."""
    find = _Finder(program)
    found = {}
    for value, (op, inputs, _) in enumerate(program.instructions, find.first):
        norm = None
        if op == "standardize":
            norm = find.norm(inputs[0], inputs[1], Norm(0, inputs[1], True))
        for place in range(2) if op == "mul" else ():
            scale = find.of_each_line(inputs[1 - place])
            if norm is None and scale is not None:
                norm = find.norm(inputs[place], scale, Norm(place, scale, False))
        if norm is not None:
            found[value] = norm
    return found
