"""Products whose answers are used in parts, as one product for each part."""

from __future__ import annotations

from typing import NamedTuple

from recurra.compiler.simplify.flow import find_users, shared_values
from recurra.program import Builder, Program

__all__ = ["cut_products"]

_MOST = 4  # parts of one product


class _Product(NamedTuple):
    """A product of weights, perhaps with a bias."""

    weights: int
    vector: int
    bias: int | None


def cut_products(program: Program) -> Program:
    """A program in which a product by weights is cut where its answer is, if a part is in a sum.

    A product is then added onto what it is summed with, for nothing. So are the gates of a GRU,
    whose candidate takes its part of the same product otherwise.

    Args:
        program: a simplified program.

    >>> b = Builder()
    >>> x, w, z = b.input("x", "x", (2,)), b.input("w", "weight", (6, 2)), b.input("z", "x", (4,))
    >>> whole = b.op("matvec", w, x, transposed=False)
    >>> one = b.op("slice", whole, axis=0, start=0, stop=4)
    >>> other = b.op("slice", whole, axis=0, start=4, stop=6)
    >>> b.output("y", "y", b.op("add", one, z))
    >>> b.output("v", "y", b.op("tanh", other))
    >>> print(cut_products(b.program()))
    %0 = x x float[2]
    %1 = weight w float[6, 2]
    %2 = x z float[4]
    %3 = slice(%1, axis=0, start=0, stop=4) float[4, 2]
    %4 = matvec(%3, %0, transposed=False) float[4]
    %5 = slice(%1, axis=0, start=4, stop=6) float[2, 2]
    %6 = matvec(%5, %0, transposed=False) float[2]
    %7 = add(%4, %2) float[4]
    %8 = tanh(%6) float[2]
    y y = %7
    y v = %8
    """
    cut = _Cut(program)
    b = Builder()
    new: dict[int, int] = {}
    for value, (name, role, (kind, shape)) in enumerate(program.inputs):
        new[value] = b.input(name, role, shape, kind)
    for value, (op, inputs, attributes) in enumerate(program.instructions, len(program.inputs)):
        if value in cut.left_out:
            continue
        product = cut.parts.get(value)
        if product is None:
            new[value] = b.op(op, *(new[k] for k in inputs), **attributes)
            continue
        weights = b.op("slice", new[product.weights], **attributes)
        new[value] = b.op("matvec", weights, new[product.vector], transposed=False)
        if product.bias is not None:
            bias = b.op("slice", new[product.bias], **attributes)
            new[value] = b.op("add", bias, new[value])
    for each in program.outputs:
        b.output(each.name, each.role, new[each.value])
    return b.program()


class _Cut:
    """The slices that become products, and the values that are then not made."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = len(program.inputs)
        self.types = program.types()
        self.shared = shared_values(program)
        self.users = find_users(program)
        self.given_out = {output.value for output in program.outputs}
        self.parts: dict[int, _Product] = {}
        self.left_out: set[int] = set()
        for value in range(self.first, self.first + len(program.instructions)):
            product = self._product(value)
            if product is not None and self._used_in_parts(value):
                self.parts |= dict.fromkeys(self.users[value], product)
                self.left_out |= {value} if product.bias is None else {value, *self._inside(value)}

    def _product(self, value: int) -> _Product | None:
        op, inputs, attributes = self.program.instructions[value - self.first]
        if op == "matvec":
            weights, vector = inputs
            plain = weights in self.shared and vector not in self.shared
            if plain and not attributes["transposed"] and len(self.types[value].shape) == 1:
                return _Product(weights, vector, None)
        if op == "add" and len(inside := self._inside(value)) == 1:
            bias = inputs[0] if inputs[1] == inside[0] else inputs[1]
            product = self._product(inside[0])
            if product is not None and product.bias is None and bias in self.shared:
                return product._replace(bias=bias)
        return None

    def _inside(self, value: int) -> list[int]:
        """The products that are a term of this sum only."""
        return [
            term
            for term in self.program.instructions[value - self.first].inputs
            if term >= self.first
            and self.program.instructions[term - self.first].op == "matvec"
            and self.users[term] == [value]
            and term not in self.given_out
        ]

    def _used_in_parts(self, value: int) -> bool:
        """Whether slices side by side, of which one is added, are all that reads the value."""
        users = self.users[value]
        if value in self.given_out or not 2 <= len(users) <= _MOST:
            return False
        slices = [self.program.instructions[user - self.first] for user in users]
        if any(each.op != "slice" for each in slices):
            return False
        ends = sorted((each.attributes["start"], each.attributes["stop"]) for each in slices)
        places = [0, *(stop for _, stop in ends)]
        whole = places[-1] == self.types[value].shape[0]
        if not whole or [start for start, _ in ends] != places[:-1]:
            return False
        added = {k for user in users for k in self.users[user]}
        return any(self.program.instructions[k - self.first].op == "add" for k in added)
