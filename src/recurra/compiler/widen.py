"""One op on neighbours in place of several on each: sigmoid(i) and sigmoid(f) are sigmoid(i, f)."""

from __future__ import annotations

from typing import NamedTuple

from recurra.program import Builder, Instruction, Program

__all__ = ["widen"]

_UNARY = frozenset(
    "neg exp log tanh sigmoid softplus silu gelu erf relu sqrt rsqrt abs sin cos sign".split()  # noqa: SIM905
)


class _Piece(NamedTuple):
    """An op on a slice of a vector."""

    start: int
    stop: int
    value: int


def widen(program: Program) -> Program:
    """A program in which an op on neighbouring slices of a vector is done once.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x = b.input("x", "x", (4,))
    >>> i, f = b.op("slice", x, axis=0, start=0, stop=2), b.op("slice", x, axis=0, start=2, stop=4)
    >>> b.output("y", "y", b.op("mul", b.op("sigmoid", i), b.op("sigmoid", f)))
    >>> print(widen(b.program()))
    %0 = x x float[4]
    %1 = sigmoid(%0) float[4]
    %2 = slice(%1, axis=0, start=0, stop=2) float[2]
    %3 = slice(%1, axis=0, start=2, stop=4) float[2]
    %4 = mul(%2, %3) float[2]
    y y = %4
    """
    runs = _runs(program)
    b = Builder()
    new: dict[int, int] = {}
    wide: dict[tuple[str, int, int], int] = {}
    for value, (name, role, (kind, shape)) in enumerate(program.inputs):
        new[value] = b.input(name, role, shape, kind)
    for value, (op, inputs, attributes) in enumerate(program.instructions, len(program.inputs)):
        run = runs.get(value)
        if run is None:
            new[value] = b.op(op, *(new[k] for k in inputs), **attributes)
            continue
        base, first, last, piece = run
        key = (op, base, first)
        if key not in wide:
            whole = new[base]
            if (first, last) != (0, b.types[whole].shape[0]):
                whole = b.op("slice", whole, axis=0, start=first, stop=last)
            wide[key] = b.op(op, whole)
        new[value] = b.op(
            "slice", wide[key], axis=0, start=piece.start - first, stop=piece.stop - first
        )
    for each in program.outputs:
        b.output(each.name, each.role, new[each.value])
    return b.program()


def _runs(program: Program) -> dict[int, tuple[int, int, int, _Piece]]:
    """The base, first and last place of the run that a piece is in, for every piece of one."""
    first = len(program.inputs)
    pieces: dict[tuple[str, int], list[_Piece]] = {}
    types = program.types()
    for value, (op, inputs, _) in enumerate(program.instructions, first):
        if op not in _UNARY or inputs[0] < first:
            continue
        source: Instruction = program.instructions[inputs[0] - first]
        if source.op == "slice" and len(types[source.inputs[0]].shape) == 1:
            start, stop = source.attributes["start"], source.attributes["stop"]
            pieces.setdefault((op, source.inputs[0]), []).append(_Piece(start, stop, value))
    found: dict[int, tuple[int, int, int, _Piece]] = {}
    for (_, base), several in pieces.items():
        for run in _neighbours(sorted(several)):
            if len(run) > 1:
                ends = run[0].start, run[-1].stop
                found.update({piece.value: (base, *ends, piece) for piece in run})
    return found


def _neighbours(pieces: list[_Piece]) -> list[list[_Piece]]:
    runs: list[list[_Piece]] = []
    for piece in pieces:
        if runs and runs[-1][-1].stop == piece.start:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs
