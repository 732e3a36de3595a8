"""Values cut where one part is there, or needed, at another time than the rest.

W [x; h] is W_x x + W_h h, and W_x x needs no loop. Nor does the gradient of x, when that of [x; h]
is one product.
"""

from __future__ import annotations

from itertools import groupby

from recurra.compiler.simplify.context import Context
from recurra.compiler.simplify.flow import VIEWS
from recurra.program import Instruction

__all__ = ["shrink_concat", "split_product", "split_result"]


def split_product(c: Context, value: int, instruction: Instruction) -> int | None:
    """A product of weights with pieces, by groups of pieces that are there at the same time.

    What one loop makes stays one piece, for one wide product is faster than many narrow ones;
    inputs are read from where they are.
    """
    matrix, vector = instruction.inputs
    whole = c.made_by("concat", vector)
    if whole is None or not _is_weight_matrix(c, matrix):
        return None
    groups = _groups(c, whole.inputs, c.loops.get(value))
    if len(groups) == 1 and len(groups[0][1]) == len(whole.inputs):
        return None
    axis = 0 if instruction.attributes["transposed"] else 1
    total = c.b.constant(0, c.types[value].shape)
    for start, parts in groups:
        piece = c.b.op("concat", *(c.new[part] for part in parts), axis=0)
        stop = start + sum(c.size(part) for part in parts)
        block = c.b.op("slice", c.new[matrix], axis=axis, start=start, stop=stop)
        product = c.b.op("matvec", block, piece, **instruction.attributes)
        total = c.b.op("add", total, product)
    return total


def _is_weight_matrix(c: Context, value: int) -> bool:
    return value in c.shared and len(c.types[value].shape) == 2


def _groups(c: Context, parts: tuple[int, ...], loop: int | None) -> list[tuple[int, list[int]]]:
    """Neighbours that belong together, with where the first starts; zeros belong nowhere."""
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + c.size(part))
    groups = []
    for kind, members in groupby(range(len(parts)), lambda place: _kind(c, parts, place, loop)):
        places = [*members]
        if kind != "zero":
            groups.append((starts[places[0]], [parts[place] for place in places]))
    return groups


def _kind(c: Context, parts: tuple[int, ...], place: int, loop: int | None) -> object:
    """Equal for the pieces that belong together."""
    part = parts[place]
    constant = c.made_by("constant", part)
    if constant and constant.attributes["value"] == 0:
        return "zero"
    if _is_input(c, part):
        return place
    return "inside" if c.loops.get(part) == loop else "outside"


def _is_input(c: Context, value: int) -> bool:
    """Whether a value is an input or a part of one."""
    while (found := c.instruction(value)) is not None:
        if found.op not in VIEWS:
            return False
        (value,) = found.inputs
    return True


def split_result(c: Context, value: int, instruction: Instruction) -> int | None:
    """A product of weights that is only used in slices, without those its loop does not need."""
    whole = instruction.inputs[0]
    product = c.made_by("matvec", whole)
    if product is None or not _is_weight_matrix(c, product.inputs[0]):
        return None
    slices, loop = c.slices_of(whole), c.loops.get(whole)
    inside = [attributes for each, attributes in slices.items() if c.loops.get(each) == loop]
    if not 0 < len(inside) < len(slices):
        return None
    kept = inside if c.loops.get(value) == loop else [instruction.attributes]
    first, last = min(each["start"] for each in kept), max(each["stop"] for each in kept)
    axis = 1 if product.attributes["transposed"] else 0
    block = c.b.op("slice", c.new[product.inputs[0]], axis=axis, start=first, stop=last)
    part = c.b.op("matvec", block, c.new[product.inputs[1]], **product.attributes)
    start, stop = (instruction.attributes[end] - first for end in ("start", "stop"))
    return c.b.op("slice", part, axis=0, start=start, stop=stop)


def shrink_concat(c: Context, value: int, instruction: Instruction) -> int | None:
    """A slice over several pieces is put together from these, if nothing takes them all."""
    axis, start, stop = (instruction.attributes[name] for name in ("axis", "start", "stop"))
    whole = c.made_by("concat", instruction.inputs[0])
    if whole is None or whole.attributes["axis"] != axis or not c.slices_of(instruction.inputs[0]):
        return None
    pieces, first = [], 0
    for part in whole.inputs:
        last = first + c.size(part, axis)
        begin, end = max(start, first), min(stop, last)
        if begin < end:
            piece = c.b.op("slice", c.new[part], axis=axis, start=begin - first, stop=end - first)
            pieces.append(piece)
        first = last
    return c.b.op("concat", *pieces, axis=axis) if pieces else None
