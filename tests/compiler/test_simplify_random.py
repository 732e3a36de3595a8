"""Programs nobody would write mean the same once they are simplified, and so do their gradients.

All ops are smooth and none stretches differences, so that results agree up to the rounding of the
largest value on the way.
"""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recurra.compiler import differentiate, simplify
from recurra.program import Builder, Output, evaluate
from tests.compiler.simplified import assert_same_interface, random_inputs

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5])


class Drawing:
    """A program on its way: each method adds a value made of what there is."""

    def __init__(self, draw):
        self.draw, self.b = draw, Builder()
        n, m = (draw(st.integers(1, 5)) for _ in range(2))
        for name, role, shape in [
            ("x", "x", (n,)), ("z", "x", (m,)), ("h", "state", (n,)), ("s", "state", (m,)),
            ("w", "weight", (n, m)), ("r", "weight", (n, n)), ("v", "weight", (n + m,)),
        ]:  # fmt: skip
            self.b.input(name, role, shape)
        self.condition = self.b.input("c", "x", (n,), "bool")
        self.pool = [k for k in range(len(self.b.types)) if k != self.condition]
        self.matrices = [k for k in self.pool if self.b.inputs[k].role == "weight"][:2]

    def pick(self, fits=lambda shape: True):
        fitting = [k for k in reversed(self.pool) if fits(self.b.types[k].shape)]
        return self.draw(st.sampled_from(fitting)) if fitting else None

    def like(self, value):
        """Another value of the same shape, or a constant."""
        if self.draw(st.integers(0, 3)) == 0:
            return self.b.like(self.draw(NUMBERS), value)
        return self.pick(lambda shape: shape == self.b.types[value].shape)

    def unary(self):
        return self.b.op(self.draw(st.sampled_from(["neg", "neg", "tanh", "sigmoid"])), self.pick())

    def binary(self):
        one = self.pick()
        return self.b.op(self.draw(st.sampled_from(["add", "add", "sub"])), one, self.like(one))

    def product(self):
        one = self.pick()
        return self.b.op("mul", *(self.b.op("tanh", k) for k in (one, self.like(one))))

    def scaled(self):
        one = self.pick()
        op = self.draw(st.sampled_from(["mul", "div", "pow"]))
        numbers = {"mul": [0.0, 1.0, -1.0, 0.5], "div": [1.0, -1.0, 2.0], "pow": [0.0, 1.0, 2.0]}
        number = self.draw(st.sampled_from(numbers[op]))
        return self.b.op(op, self.b.op("tanh", one), self.b.like(number, one))

    def where(self):
        wanted = self.b.types[self.condition].shape
        one = self.pick(lambda shape: shape == wanted)
        condition = self.condition
        if self.draw(st.booleans()):
            condition = self.b.op("not", condition)
        return self.b.op("where", condition, one, self.like(one))

    def reshape(self):
        one = self.pick()
        size = math.prod(self.b.types[one].shape)
        shapes = [(size,), (1, size), (size, 1), (1, size, 1)]
        return self.b.op("reshape", one, shape=self.draw(st.sampled_from(shapes)))

    def transpose(self):
        one = self.pick()
        axes = tuple(range(len(self.b.types[one].shape)))
        return self.b.op("transpose", one, order=tuple(self.draw(st.permutations(axes))))

    def expand(self):
        one = self.pick(lambda shape: 1 in shape)
        if one is None:
            return None
        shape = (self.draw(st.integers(1, 3)) if n == 1 else n for n in self.b.types[one].shape)
        return self.b.op("expand", one, shape=tuple(shape))

    def slice(self):
        one = self.pick(lambda shape: len(shape) > 0)
        shape = self.b.types[one].shape
        axis = self.draw(st.integers(0, len(shape) - 1))
        start, stop = sorted(self.draw(st.integers(0, shape[axis])) for _ in range(2))
        return self.b.op("slice", one, axis=axis, start=start, stop=stop) if stop > start else None

    def concat(self):
        first = self.pick(lambda shape: len(shape) > 0)
        shape = self.b.types[first].shape
        axis = self.draw(st.integers(0, len(shape) - 1))

        def fits(other):
            return (
                len(other) == len(shape)
                and other[:axis] + other[axis + 1 :] == shape[:axis] + shape[axis + 1 :]
                and sum(other) < 12
            )

        parts = [first, *(self.pick(fits) for _ in range(self.draw(st.integers(0, 2))))]
        if None in parts:
            return None
        if self.draw(st.booleans()):
            parts.insert(self.draw(st.integers(0, len(parts))), self.b.like(0, first))
        return self.b.op("concat", *parts, axis=axis)

    def split(self):
        """Both halves used, each in its own way: their gradients are pieces between zeros."""
        one = self.pick(lambda shape: len(shape) == 1 and shape[0] > 1)
        (size,) = self.b.types[one].shape
        cut = self.draw(st.integers(1, size - 1))
        halves = [
            self.b.op("slice", one, axis=0, start=start, stop=stop)
            for start, stop in ((0, cut), (cut, size))
        ]
        self.pool += [self.b.op("tanh", halves[0]), self.b.op("neg", halves[1])]
        return self.b.op("concat", *self.pool[-2:][:: self.draw(st.sampled_from([1, -1]))], axis=0)

    def padded(self):
        """A sum of pieces between zeros."""
        one, other = (self.pick(lambda shape: len(shape) == 1) for _ in range(2))
        sizes = [self.b.types[k].shape[0] for k in (one, other)]
        space = max(sizes) + self.draw(st.integers(0, 2))
        left = self.b.op("concat", one, self.b.constant(0, (space - sizes[0],)), axis=0)
        right = self.b.op("concat", self.b.constant(0, (space - sizes[1],)), other, axis=0)
        return self.b.op(self.draw(st.sampled_from(["add", "sub"])), left, right)

    def reduce(self):
        one = self.pick(lambda shape: len(shape) > 0)
        return self.b.op(self.draw(st.sampled_from(["sum", "mean"])), one)

    def matvec(self):
        matrix = self.draw(st.sampled_from(self.matrices))
        if self.draw(st.booleans()):
            matrix = self.b.op("transpose", matrix, order=(1, 0))
        transposed = self.draw(st.booleans())
        size = self.b.types[matrix].shape[0 if transposed else 1]
        vector = self.pick(lambda shape: shape == (size,))
        return self.b.op("matvec", matrix, vector, transposed=transposed)

    def outer(self):
        pair = [self.pick(lambda shape: len(shape) == 1) for _ in range(2)]
        return self.b.op("outer", *(self.b.op("tanh", k) for k in pair))

    def finish(self):
        self.b.output("y", "y", self.pool[-1])
        for name, place in (("h", 2), ("s", 3)):
            wanted = self.b.types[place].shape
            new = self.pick(lambda shape: shape == wanted)  # noqa: B023
            self.b.output(name, "state", new)
        return self.b.program()


STEPS = [
    "unary", "binary", "binary", "product", "scaled", "where", "reshape", "transpose", "expand",
    "slice", "split", "split", "concat", "concat", "padded", "reduce", "matvec", "matvec",
    "outer",
]  # fmt: skip


@st.composite
def programs(draw):
    drawing = Drawing(draw)
    for _ in range(draw(st.integers(5, 25))):
        value = getattr(drawing, draw(st.sampled_from(STEPS)))()
        if value is not None:
            drawing.pool.append(value)
    return drawing.finish()


def largest_on_the_way(program, inputs):
    floats = [k for k, each in enumerate(program.types()) if each.kind == "float"]
    everything = replace(program, outputs=tuple(Output(f"{k}", "y", k) for k in floats))
    return max(np.abs(v).max(initial=1) for v in evaluate(everything, **inputs).values())


def assert_agree(before):
    after = simplify(before)
    assert_same_interface(before, after)
    inputs = random_inputs(before)
    wanted, found = evaluate(before, **inputs), evaluate(after, **inputs)
    rounding = 1e-12 * largest_on_the_way(before, inputs)
    for key, values in wanted.items():
        np.testing.assert_allclose(found[key], values, rtol=0, atol=rounding, err_msg=str(key))
    assert simplify(after) == after


@given(programs())
def test_any_program_means_the_same(program):
    assert_agree(program)


@given(programs())
def test_any_gradient_means_the_same(program):
    assert_agree(differentiate(program))
