"""A training step as two programs: one that runs forward and keeps what the other needs.

What is kept are the few values that cost more to make again than to keep: results of products,
functions such as tanh. What a few cheap operations make of them is made again.
"""

from __future__ import annotations

from typing import NamedTuple

from recurra.compiler.differentiate import adjoint_of
from recurra.compiler.prepare import prepare
from recurra.compiler.simplify import shared_values
from recurra.program import Builder, Program
from recurra.program.program import Input

__all__ = ["Backward", "Training", "backward_program", "training"]

# What an op costs to run again, beside making its inputs again; an element kept costs about 8.
_COSTS = {
    "matvec": 1000, "addmatvec": 1000, "sum": 3, "mean": 3, "largest": 3, "outer": 2, "one_hot": 2,
    "norm_scale": 9, "standardize": 9, "norm_slope": 9,
    "reshape": 0, "slice": 0, "transpose": 0, "expand": 0, "detach": 0, "constant": 0, "concat": 2,
    "exp": 4, "log": 4, "tanh": 5, "sigmoid": 4, "softplus": 6, "silu": 5, "gelu": 8, "erf": 6,
    "sin": 6, "cos": 6, "pow": 12, "sqrt": 2, "rsqrt": 3, "div": 2,
}  # fmt: skip
_WORTH_KEEPING = 8


class Training(NamedTuple):
    """A step that keeps values, and the values."""

    forward: Program  # the step, with answers "kept.0", ... after its own
    kept: tuple[int, ...]  # values of the step, in the order of the answers


class Backward(NamedTuple):
    """The adjoint of a step, as a step in its own right that runs from the last time to the first.

    Its states are the gradients of the step's states; its x are the step's x, draws and kept
    values and the gradients of the answers; its answers are the gradients of x; its outputs of
    role "weight" are to be summed over rows and times.
    """

    program: Program
    xs: tuple[tuple[str, str], ...]  # ("x" | "draw" | "kept" | "y", name) of each x, in order


def training(program: Program) -> Training:
    """Choose what a step keeps.

    Args:
        program: a step, simplified and fused.

    >>> import recurra as rc
    >>> step = prepare(rc.compiler.trace(rc.Recurrent(rc.cells.LSTM(3, 8))).program)
    >>> kept = training(step).kept
    >>> [str(step.types()[value]) for value in kept]
    ['float[8]', 'float[8]', 'float[16]', 'float[8]', 'float[8]']
    """
    kept = _Choice(program).kept
    b = Builder()
    values = [b.input(name, role, shape, kind) for name, role, (kind, shape) in program.inputs]
    for op, inputs, attributes in program.instructions:
        values.append(b.op(op, *(values[k] for k in inputs), **attributes))
    for each in program.outputs:
        b.output(each.name, each.role, values[each.value])
    for place, value in enumerate(kept):
        b.output(f"kept.{place}", "y", values[value])
    return Training(b.program(), tuple(kept))


class _Choice:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = len(program.inputs)
        self.types = program.types()
        self.shared = shared_values(program)
        self.kept: list[int] = []
        self.made: set[int] = set()  # that are made again in any case
        self.costs: dict[int, float] = {}
        adjoint = adjoint_of(program)
        needed = sorted(adjoint.needed)
        for value in needed:
            self._consider(value)
        # A state that is read again has to be kept as the step saw it.
        again = self._read_again(needed)
        states = [v for v, each in enumerate(program.inputs) if each.role == "state" and v in again]
        self.kept = states + self.kept

    def _consider(self, value: int) -> None:
        if value < self.first or value in self.shared:
            return
        if self._cost(value) <= _WORTH_KEEPING:
            self._make(value)
            return
        if self.types[value].kind == "float":
            self._keep(value)
            return
        for source in self.program.instructions[value - self.first].inputs:
            self._consider(source)
            if self._cost(source) > _WORTH_KEEPING:
                self._keep(source)

    def _keep(self, value: int) -> None:
        self.kept.append(value)
        self.costs = {}

    def _make(self, value: int) -> None:
        """What a value is made of serves other values too."""
        if value < self.first or value in self.made or value in self.kept:
            return
        self.made.add(value)
        self.costs = {}
        for source in self.program.instructions[value - self.first].inputs:
            self._make(source)

    def _cost(self, value: int) -> float:
        free = value in self.shared or value in self.kept or value in self.made
        if value < self.first or free:
            return 0
        if value not in self.costs:
            op, inputs, _ = self.program.instructions[value - self.first]
            self.costs[value] = _COSTS.get(op, 1) + sum(self._cost(k) for k in inputs)
        return self.costs[value]

    def _read_again(self, needed: list[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(needed)
        while waiting:
            value = waiting.pop()
            if value in found:
                continue
            found.add(value)
            if value >= self.first and value not in self.kept:
                waiting += self.program.instructions[value - self.first].inputs
        return found


def backward_program(program: Program, kept: tuple[int, ...], wanted: frozenset[str]) -> Backward:
    """The adjoint of a step, with the kept values taken from outside.

    Args:
        program: a step, simplified and fused.
        kept: what `training` chose.
        wanted: names of the x whose gradients are asked for.
    """
    adjoint = adjoint_of(program)
    whole, count = adjoint.program, len(program.inputs)
    named: list[tuple[Input, int, tuple[str, str]]] = []
    for value, given in enumerate(whole.inputs):
        name, role, _ = given
        if role == "gradient":
            kind, _, rest = name.partition(" ")
            named.append((given, value, (kind, rest)))
        elif role != "state":
            named.append((given, value, (role, name)))
    b = Builder()
    values: dict[int, int] = {}
    xs: list[tuple[str, str]] = []

    def enter(value: int, source: tuple[str, str], given: Input) -> None:
        kind, name = source
        if kind in ("weight", "state"):
            values[value] = b.input(
                name, "weight" if kind == "weight" else "state", given.type.shape
            )
            return
        values[value] = b.input(f"{kind} {name}", "x", given.type.shape, given.type.kind)
        xs.append(source)

    for given, value, source in named:
        enter(value, source, given)
    types = whole.types()
    for place, value in enumerate(kept):
        inside = value if value < count else adjoint.values[value]
        enter(inside, ("kept", str(place)), Input("", "x", types[inside]))
    first = len(whole.inputs)
    needed = _needed(whole, set(values), wanted)
    for value, (op, inputs, attributes) in enumerate(whole.instructions, first):
        if value in needed and value not in values:
            values[value] = b.op(op, *(values[k] for k in inputs), **attributes)
    for each in whole.outputs:
        if each.role == "x" and each.name in wanted:
            b.output(each.name, "y", values[each.value])
        elif each.role in ("state", "weight"):
            b.output(each.name, each.role, values[each.value])
    found = prepare(b.program())
    return _without_unread(found, xs)


def _needed(program: Program, given: set[int], wanted: frozenset[str]) -> set[int]:
    first = len(program.inputs)
    waiting = [o.value for o in program.outputs if o.role != "x" or o.name in wanted]
    found: set[int] = set()
    while waiting:
        value = waiting.pop()
        if value in found:
            continue
        found.add(value)
        if value >= first and value not in given:
            waiting += program.instructions[value - first].inputs
    return found


def _without_unread(program: Program, xs: list[tuple[str, str]]) -> Backward:
    """Without the x that nothing reads."""
    read = {k for instruction in program.instructions for k in instruction.inputs}
    read |= {output.value for output in program.outputs}
    b = Builder()
    new: dict[int, int] = {}
    sources = iter(xs)
    left: list[tuple[str, str]] = []
    for value, (name, role, (kind, shape)) in enumerate(program.inputs):
        source = next(sources) if role == "x" else None
        if source is not None and value not in read:
            continue
        if source is not None:
            left.append(source)
        new[value] = b.input(name, role, shape, kind)
    for value, (op, inputs, attributes) in enumerate(program.instructions, len(program.inputs)):
        new[value] = b.op(op, *(new[k] for k in inputs), **attributes)
    for each in program.outputs:
        b.output(each.name, each.role, new[each.value])
    return Backward(b.program(), tuple(left))
