"""Each rewrite on the smallest program that it changes, and on its neighbours that it must not."""

import pytest

from recurra.compiler import simplify
from recurra.program import Builder
from tests.compiler.simplified import answer, assert_means_the_same, ops_of


class Values:
    """A builder with inputs of all kinds, and ops as functions."""

    def __init__(self):
        self.b = b = Builder()
        self.x, self.y = b.input("x", "x", (4,)), b.input("y", "x", (4,))
        self.p, self.q = b.input("p", "x", (2,)), b.input("q", "x", (2,))
        self.m, self.one = b.input("m", "x", (2, 3)), b.input("one", "x", (1,))
        self.c = b.input("c", "x", (4,), "bool")
        self.h = b.input("h", "state", (4,))
        self.w, self.r = b.input("w", "weight", (4, 6)), b.input("r", "weight", (4, 4))
        self.v = b.input("v", "weight", (4,))

    def __getattr__(self, op):
        return lambda *inputs, **attributes: self.b.op(op.rstrip("_"), *inputs, **attributes)

    def number(self, value, *shape):
        return self.b.constant(value, shape)

    def cut(self, value, start, stop, axis=0):
        return self.slice(value, axis=axis, start=start, stop=stop)

    def join(self, *values, axis=0):
        return self.concat(*values, axis=axis)

    def dot(self, matrix, vector, transposed=False):
        return self.matvec(matrix, vector, transposed=transposed)

    def program(self, y, h=None):
        self.b.output("y", "y", y)
        self.b.output("h", "state", self.h if h is None else h)
        return self.b.program()


EXAMPLES = {
    # known beforehand
    "constants": (lambda k: k.add(k.x, k.exp(k.mul(k.number(2, 4), k.number(0.5, 4)))),
                  "add(x, 2.71828)"),
    "a constant in other shapes": (
        lambda k: k.add(k.x, k.expand(k.reshape(k.number(3), shape=(1,)), shape=(4,))),
        "add(x, 3)"),
    "reductions of a constant": (
        lambda k: k.add(k.sum(k.number(2, 3)), k.sub(k.mean(k.x), k.largest(k.number(1, 3)))),
        "add(6, sub(mean(x), 1))"),
    "not finite": (lambda k: k.add(k.x, k.log(k.number(0, 4))), "add(x, log(0))"),
    # arithmetic
    "x + 0": (lambda k: k.add(k.add(k.x, k.number(0, 4)), k.add(k.number(-0.0, 4), k.y)),
              "add(x, y)"),
    "x - 0": (lambda k: k.sub(k.x, k.number(0, 4)), "x"),
    "0 - x": (lambda k: k.sub(k.number(0, 4), k.x), "neg(x)"),
    "x + -y": (lambda k: k.add(k.x, k.neg(k.y)), "sub(x, y)"),
    "-x + y": (lambda k: k.add(k.neg(k.x), k.y), "sub(y, x)"),
    "x - -y": (lambda k: k.sub(k.x, k.neg(k.y)), "add(x, y)"),
    "-x - y": (lambda k: k.sub(k.neg(k.x), k.y), "sub(neg(x), y)"),
    "x - x": (lambda k: k.sub(k.x, k.x), "sub(x, x)"),  # NaN where x is infinite
    "--x": (lambda k: k.neg(k.neg(k.x)), "x"),
    "-(x - y)": (lambda k: k.neg(k.sub(k.x, k.y)), "sub(y, x)"),
    "-(2 x)": (lambda k: k.neg(k.mul(k.number(2, 4), k.x)), "mul(x, -2)"),
    "2 -x": (lambda k: k.mul(k.neg(k.x), k.number(2, 4)), "mul(x, -2)"),
    "1 x": (lambda k: k.mul(k.number(1, 4), k.x), "x"),
    "-1 x": (lambda k: k.mul(k.x, k.number(-1, 4)), "neg(x)"),
    "x + y + y": (lambda k: k.add(k.add(k.x, k.y), k.y), "add(add(x, y), y)"),
    "x + 3 y + 3 y": (
        lambda k: k.add(k.add(k.x, k.mul(k.y, k.number(3, 4))), k.mul(k.y, k.number(3, 4))),
        "add(x, mul(y, 6))"),
    "x + s y + s y": (
        lambda k: k.add(*(lambda t: (t, k.add(t, k.x)))(k.mul(k.expand(k.one, shape=(4,)), k.y))),
        "add(x, mul(y, expand(mul(one, 2), shape=(4,))))"),
    "0 x": (lambda k: k.mul(k.x, k.number(0, 4)), "mul(x, 0)"),  # NaN where x is infinite
    "x / 1": (lambda k: k.div(k.x, k.number(1, 4)), "x"),
    "x / -1": (lambda k: k.div(k.x, k.number(-1, 4)), "neg(x)"),
    "power 0": (lambda k: k.add(k.y, k.pow(k.x, k.number(0, 4))), "add(y, 1)"),
    "power 1": (lambda k: k.pow(k.x, k.number(1, 4)), "x"),
    "power 2": (lambda k: k.pow(k.x, k.number(2, 4)), "mul(x, x)"),
    "power -1": (lambda k: k.pow(k.x, k.number(-1, 4)), "div(1, x)"),
    "power 0.5": (lambda k: k.pow(k.exp(k.x), k.number(0.5, 4)), "pow(exp(x), 0.5)"),
    "a choice between equals": (lambda k: k.where(k.c, k.x, k.x), "x"),
    "a choice by an opposite": (lambda k: k.where(k.not_(k.c), k.x, k.y), "where(c, y, x)"),
    "not not": (lambda k: k.where(k.not_(k.not_(k.c)), k.x, k.y), "where(c, x, y)"),
    # reductions
    "sum of one": (lambda k: k.sum(k.one), "reshape(one, shape=())"),
    "sum of repeats": (lambda k: k.sum(k.expand(k.one, shape=(5,))),
                       "mul(reshape(one, shape=()), 5)"),
    "mean of repeats": (lambda k: k.mean(k.expand(k.one, shape=(5,))), "reshape(one, shape=())"),
    "largest of repeats": (
        lambda k: k.largest(k.expand(k.reshape(k.p, shape=(2, 1)), shape=(2, 3))), "p"),
    "sum along what is not repeated": (
        lambda k: k.sum(k.expand(k.reshape(k.p, shape=(1, 2)), shape=(3, 2))),
        "sum(expand(reshape(p, shape=(1, 2)), shape=(3, 2)))"),
    "sum of -x": (lambda k: k.sum(k.neg(k.x)), "neg(sum(x))"),
    # views
    "reshape twice": (lambda k: k.reshape(k.reshape(k.m, shape=(6,)), shape=(3, 2)),
                      "reshape(m, shape=(3, 2))"),
    "reshape back": (lambda k: k.reshape(k.reshape(k.m, shape=(6,)), shape=(2, 3)), "m"),
    "reshape of -m": (
        lambda k: k.add(k.number(1, 6), k.reshape(k.neg(k.m), shape=(6,))),
        "sub(1, reshape(m, shape=(6,)))"),
    "expand twice": (
        lambda k: k.expand(k.expand(k.reshape(k.one, shape=(1, 1)), shape=(2, 1)), shape=(2, 3)),
        "expand(reshape(one, shape=(1, 1)), shape=(2, 3))"),
    "transpose back": (lambda k: k.transpose(k.transpose(k.m, order=(1, 0)), order=(1, 0)), "m"),
    "transpose of a vector": (lambda k: k.transpose(k.x, order=(0,)), "x"),
    "transpose of a column": (
        lambda k: k.transpose(k.reshape(k.x, shape=(4, 1)), order=(1, 0)),
        "reshape(x, shape=(1, 4))"),
    "transpose of repeats": (
        lambda k: k.transpose(k.expand(k.reshape(k.p, shape=(2, 1)), shape=(2, 3)), order=(1, 0)),
        "expand(reshape(p, shape=(1, 2)), shape=(3, 2))"),
    "transpose of an outer product": (lambda k: k.transpose(k.outer(k.x, k.p), order=(1, 0)),
                                      "outer(p, x)"),
    "all of it": (lambda k: k.cut(k.x, 0, 4), "x"),
    "slice twice": (lambda k: k.cut(k.cut(k.x, 1, 4), 1, 2), "x[2:3]"),
    "slice along two axes": (lambda k: k.cut(k.cut(k.m, 0, 1), 1, 3, axis=1), "m[0:1, :][:, 1:3]"),
    "slice of repeats": (
        lambda k: k.cut(k.expand(k.reshape(k.x, shape=(1, 4)), shape=(5, 4)), 1, 3),
        "expand(reshape(x, shape=(1, 4)), shape=(2, 4))"),
    "slice beside repeats": (
        lambda k: k.cut(k.expand(k.reshape(k.x, shape=(1, 4)), shape=(5, 4)), 1, 3, axis=1),
        "expand(reshape(x, shape=(1, 4))[:, 1:3], shape=(5, 2))"),
    # pieces
    "one piece": (lambda k: k.join(k.x), "x"),
    "pieces in pieces": (lambda k: k.join(k.x, k.join(k.y, k.p)), "concat(x, y, p, axis=0)"),
    "an empty piece": (lambda k: k.join(k.x, k.number(0, 0), k.y), "concat(x, y, axis=0)"),
    "cut apart and joined": (lambda k: k.join(k.cut(k.x, 0, 1), k.cut(k.x, 1, 3), k.cut(k.x, 3, 4)),
                             "x"),
    "joined the other way round": (lambda k: k.join(k.cut(k.x, 2, 4), k.cut(k.x, 0, 2)),
                                   "concat(x[2:4], x[0:2], axis=0)"),
    "constants joined": (lambda k: k.join(k.number(1, 2), k.number(1, 3), k.number(2, 1), k.x),
                         "concat(1, 2, x, axis=0)"),
    "a piece": (lambda k: k.add(k.y, k.cut(k.join(k.p, k.x), 2, 6)), "add(y, x)"),
    "part of a piece": (lambda k: k.cut(k.join(k.p, k.x), 3, 5), "x[1:3]"),
    "over two pieces": (lambda k: k.cut(k.join(k.p, k.x, k.q), 1, 4),
                        "concat(p[1:2], x[0:2], axis=0)"),
    "outer products joined": (lambda k: k.join(k.outer(k.p, k.x), k.outer(k.q, k.x)),
                              "outer(concat(p, q, axis=0), x)"),
    "outer products joined sideways": (
        lambda k: k.join(k.outer(k.x, k.p), k.outer(k.x, k.q), axis=1),
        "outer(x, concat(p, q, axis=0))"),
    # pieces between zeros
    "pieces that do not meet": (
        lambda k: k.add(k.join(k.number(0, 2), k.p), k.join(k.q, k.number(0, 2))),
        "concat(q, p, axis=0)"),
    "pieces that overlap": (
        lambda k: k.add(k.join(k.x, k.number(0, 2)), k.join(k.number(0, 2), k.y)),
        "concat(x[0:2], add(x[2:4], y[0:2]), y[2:4], axis=0)"),
    "zeros in both": (
        lambda k: k.add(k.join(k.number(0, 3), k.p), k.join(k.number(0, 3), k.q)),
        "concat(0, add(p, q), axis=0)"),
    "the difference of pieces": (
        lambda k: k.sub(k.join(k.number(0, 2), k.p), k.join(k.q, k.number(0, 2))),
        "concat(neg(q), p, axis=0)"),
    "pieces without zeros": (
        lambda k: k.add(k.join(k.x, k.p), k.join(k.q, k.y)),
        "add(concat(x, p, axis=0), concat(q, y, axis=0))"),
    "-pieces": (lambda k: k.neg(k.join(k.number(0, 2), k.p)), "concat(0, neg(p), axis=0)"),
    # products
    "a transposed matrix": (lambda k: k.dot(k.transpose(k.w, order=(1, 0)), k.x),
                            "matvec(w, x, transposed=True)"),
    "a column times a row": (
        lambda k: k.mul(k.expand(k.reshape(k.x, shape=(1, 4)), shape=(2, 4)),
                        k.expand(k.reshape(k.p, shape=(2, 1)), shape=(2, 4))),
        "outer(p, x)"),
    "a column times a column": (
        lambda k: k.mul(k.expand(k.reshape(k.q, shape=(2, 1)), shape=(2, 4)),
                        k.expand(k.reshape(k.p, shape=(2, 1)), shape=(2, 4))),
        "mul(expand(reshape(q, shape=(2, 1)), shape=(2, 4)), "
        "expand(reshape(p, shape=(2, 1)), shape=(2, 4)))"),
    "a matrix times a row, summed": (
        lambda k: k.sum(k.mul(k.expand(k.reshape(k.x, shape=(1, 4)), shape=(4, 4)), k.r)),
        "matvec(r, x, transposed=False)"),
    "a matrix times a column, summed the other way": (
        lambda k: k.sum(k.transpose(
            k.mul(k.r, k.expand(k.reshape(k.x, shape=(4, 1)), shape=(4, 4))), order=(1, 0))),
        "matvec(r, x, transposed=True)"),
    "a matrix times a column, summed along it": (
        lambda k: k.sum(k.mul(k.r, k.expand(k.reshape(k.x, shape=(4, 1)), shape=(4, 4)))),
        "sum(mul(r, expand(reshape(x, shape=(4, 1)), shape=(4, 4))))"),
    "inputs joined": (
        lambda k: k.dot(k.w, k.join(k.p, k.x)),
        "add(matvec(w[:, 0:2], p, transposed=False), matvec(w[:, 2:6], x, transposed=False))"),
    "inputs joined for a transposed matrix": (
        lambda k: k.dot(k.w, k.join(k.p, k.q), transposed=True),
        "add(matvec(w[0:2, :], p, transposed=True), matvec(w[2:4, :], q, transposed=True))"),
    "zeros joined": (lambda k: k.dot(k.w, k.join(k.number(0, 2), k.x)),
                     "matvec(w[:, 2:6], x, transposed=False)"),
    "zeros only": (lambda k: k.add(k.x, k.dot(k.w, k.join(k.number(0, 2), k.number(0, 4)))),
                   "add(x, matvec(w, 0, transposed=False))"),
    "joined with what is computed": (
        lambda k: k.dot(k.w, k.join(k.tanh(k.p), k.exp(k.x))),
        "matvec(w, concat(tanh(p), exp(x), axis=0), transposed=False)"),
    "a matrix that is not a weight": (
        lambda k: k.dot(k.m, k.join(k.one, k.p)),
        "matvec(m, concat(one, p, axis=0), transposed=False)"),
    # sums
    "products last": (
        lambda k: k.add(k.add(k.dot(k.r, k.x), k.v), k.dot(k.r, k.y)),
        "add(add(v, matvec(r, x, transposed=False)), matvec(r, y, transposed=False))"),
    "other sums as they are": (lambda k: k.add(k.x, k.add(k.y, k.v)), "add(x, add(y, v))"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    build, wanted = EXAMPLES[name]
    k = Values()

    after = assert_means_the_same(k.program(build(k)))

    assert answer(after) == wanted
    assert simplify(after) == after


def test_nothing_is_computed_twice():
    k = Values()
    same = [k.mul(k.tanh(k.x), k.number(2, 4)) for _ in range(2)]
    turned = [k.add(k.x, k.y), k.add(k.y, k.x)]
    after = assert_means_the_same(k.program(k.mul(k.sub(*same), k.sub(*turned))))

    assert sorted(ops_of(after)) == ["add", "constant", "mul", "mul", "sub", "sub", "tanh"]


def test_the_two_zeros_are_different_constants():
    k = Values()
    signs = k.sub(k.div(k.number(1, 4), k.number(0.0, 4)), k.div(k.number(1, 4), k.number(-0.0, 4)))
    after = assert_means_the_same(k.program(k.add(k.x, signs)))

    assert ops_of(after).count("div") == 2


def test_pieces_stay_together_where_something_takes_them_all():
    k = Values()
    whole = k.join(k.p, k.tanh(k.x))
    y = k.add(k.sum(k.cut(whole, 1, 4)), k.sum(whole))

    assert ops_of(assert_means_the_same(k.program(y))).count("concat") == 1


def test_what_a_loop_makes_is_multiplied_at_once():
    k = Values()
    h = k.tanh(k.dot(k.w, k.join(k.tanh(k.cut(k.h, 0, 2)), k.sin(k.h))))
    after = assert_means_the_same(k.program(k.x, h))

    assert ops_of(after).count("matvec") == 1


def test_what_is_there_before_a_loop_is_multiplied_before_it():
    k = Values()
    h = k.tanh(k.dot(k.w, k.join(k.tanh(k.p), k.sin(k.h))))
    after = assert_means_the_same(k.program(h, h))

    assert answer(after) == (
        "tanh(add(matvec(w[:, 0:2], tanh(p), transposed=False), "
        "matvec(w[:, 2:6], sin(h), transposed=False)))"
    )


def test_sums_begin_with_what_is_there_before_the_loop():
    k = Values()
    terms = k.add(k.add(k.dot(k.r, k.h), k.mul(k.h, k.v)), k.add(k.dot(k.r, k.x), k.v))
    h = k.tanh(terms)
    after = assert_means_the_same(k.program(h, h))

    assert answer(after) == (
        "tanh(add(add(add(v, matvec(r, x, transposed=False)), mul(h, v)), "
        "matvec(r, h, transposed=False)))"
    )


def test_a_sum_that_is_used_elsewhere_too_stays_one_term():
    k = Values()
    inner = k.add(k.dot(k.r, k.x), k.v)
    y = k.mul(k.add(inner, k.dot(k.r, k.y)), inner)

    assert ops_of(assert_means_the_same(k.program(y))).count("add") == 2
