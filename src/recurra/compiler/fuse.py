"""Sums as the engine makes them: onto products, and rounded once with a multiplication.

What a value's bits are is decided here, once, on the program itself. Whole sequences, single steps,
training and inference all run what comes out, so they agree to the bit.
"""

from __future__ import annotations

from recurra.compiler.simplify.flow import find_users, shared_values
from recurra.program import Builder, Instruction, Program

__all__ = ["fuse"]


def fuse(program: Program) -> Program:
    """A program with ``addmatvec`` and ``fma`` in the place of sums of products.

    The terms of a sum that do not wait for a state come first, those of weights only before them,
    and of each kind the products by weights last: what waits for nothing is then summed before the
    loop over time.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.Elman(3, 8))
    >>> print(fuse(rc.compiler.trace(layer).program))
    %0 = x x float[3]
    %1 = state h float[8]
    %2 = weight cell.input.weight float[8, 3]
    %3 = weight cell.input.bias float[8]
    %4 = weight cell.recurrent.weight float[8, 8]
    %5 = addmatvec(%3, %2, %0, transposed=False) float[8]
    %6 = addmatvec(%5, %4, %1, transposed=False) float[8]
    %7 = tanh(%6) float[8]
    y y = %7
    state h = %7
    """
    return _Fusing(program).run()


class _Fusing:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = len(program.inputs)
        self.b = Builder()
        self.new: dict[int, int] = {}
        self.shared = shared_values(program)
        self.users = find_users(program)
        self.given_out = {output.value for output in program.outputs}
        self.waits = self._waits()

    def run(self) -> Program:
        for value, (name, role, (kind, shape)) in enumerate(self.program.inputs):
            self.new[value] = self.b.input(name, role, shape, kind)
        inside = self._inside_sums()
        for value, instruction in enumerate(self.program.instructions, self.first):
            if value in inside:
                continue
            if instruction.op == "add":
                self.new[value] = self._sum(value)
            elif instruction.op == "sub":
                self.new[value] = self._difference(instruction)
            elif instruction.op == "mul":
                self.new[value] = self._through_slope(instruction)
            else:
                self.new[value] = self._same(instruction)
        for each in self.program.outputs:
            self.b.output(each.name, each.role, self.new[each.value])
        return self.b.program()

    def _waits(self) -> set[int]:
        """The values that depend on a state."""
        waiting = {v for v, given in enumerate(self.program.inputs) if given.role == "state"}
        for value, instruction in enumerate(self.program.instructions, self.first):
            if not waiting.isdisjoint(instruction.inputs):
                waiting.add(value)
        return waiting

    def _made_by(self, value: int) -> Instruction | None:
        return self.program.instructions[value - self.first] if value >= self.first else None

    def _once(self, value: int) -> bool:
        return len(self.users[value]) == 1 and value not in self.given_out

    def _is_sum(self, value: int) -> bool:
        made = self._made_by(value)
        return made is not None and made.op == "add" and value not in self.shared

    def _inside_sums(self) -> set[int]:
        """Sums that are a term of one other sum only."""
        return {
            value
            for value in range(self.first, self.first + len(self.program.instructions))
            if self._is_sum(value) and self._once(value) and self._is_sum(self.users[value][0])
        }

    def _terms(self, value: int) -> list[int]:
        found: list[int] = []
        made = self._made_by(value)
        assert made is not None
        for term in made.inputs:
            inside = self._is_sum(term) and self._once(term)
            found += self._terms(term) if inside else [term]
        return found

    def _sum(self, value: int) -> int:
        terms = sorted(
            self._terms(value),
            key=lambda t: (t in self.waits, t not in self.shared, self._is_product(t)),
        )
        total: int | None = None
        for term in terms:
            total = self._add(total, term)
        assert total is not None
        return total

    def _add(self, total: int | None, term: int) -> int:
        if total is None:
            return self.new[term]
        made = self._made_by(term)
        if made is not None and self._once(term):
            if self._is_product(term):
                inputs = (self.new[k] for k in made.inputs)
                return self.b.op("addmatvec", total, *inputs, **made.attributes)
            if made.op == "mul" and term not in self.shared:
                return self.b.op("fma", *(self.new[k] for k in made.inputs), total)
        return self.b.op("add", total, self.new[term])

    def _is_product(self, value: int) -> bool:
        """A vector multiplied by weights, for this sum only."""
        made = self._made_by(value)
        if made is None or made.op != "matvec" or not self._once(value):
            return False
        weights, vector = made.inputs
        source = self._made_by(vector)
        looked_up = source is not None and source.op == "one_hot"  # an embedding: no product at all
        return weights in self.shared and vector not in self.shared and not looked_up

    def _difference(self, instruction: Instruction) -> int:
        one, other = instruction.inputs
        for value, op in ((one, "fms"), (other, "fnma")):
            made = self._made_by(value)
            single = made is not None and made.op == "mul" and self._once(value)
            if made is not None and single and value not in self.shared:
                factors = (self.new[k] for k in made.inputs)
                return self.b.op(op, *factors, self.new[other if op == "fms" else one])
        return self._same(instruction)

    def _through_slope(self, instruction: Instruction) -> int:
        """A gradient times y (1 - y) or 1 - y y goes through a sigmoid or a tanh."""
        for gradient, slope in (instruction.inputs, instruction.inputs[::-1]):
            if not self._once(slope):
                continue
            for op, y in (
                ("sigmoid_slope", self._sigmoid_of_slope(slope)),
                ("tanh_slope", self._tanh_of_slope(slope)),
            ):
                if y is not None:
                    return self.b.op(op, self.new[gradient], self.new[y])
        return self._same(instruction)

    def _sigmoid_of_slope(self, value: int) -> int | None:
        """The y of y (1 - y)."""
        made = self._made_by(value)
        if made is None or made.op != "mul":
            return None
        for y, rest in (made.inputs, made.inputs[::-1]):
            other = self._made_by(rest)
            if other is not None and other.op == "sub" and other.inputs[1] == y:
                return y if self._is_one(other.inputs[0]) else None
        return None

    def _tanh_of_slope(self, value: int) -> int | None:
        """The y of 1 - y y."""
        made = self._made_by(value)
        if made is None or made.op != "sub" or not self._is_one(made.inputs[0]):
            return None
        square = self._made_by(made.inputs[1])
        if square is None or square.op != "mul" or square.inputs[0] != square.inputs[1]:
            return None
        return square.inputs[0]

    def _is_one(self, value: int) -> bool:
        made = self._made_by(value)
        return made is not None and made.op == "constant" and made.attributes["value"] == 1

    def _same(self, instruction: Instruction) -> int:
        op, inputs, attributes = instruction
        return self.b.op(op, *(self.new[k] for k in inputs), **attributes)
