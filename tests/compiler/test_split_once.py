"""What depends on weights only is computed once, and the rest goes on from there."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from recurra.compiler import differentiate, shared_values, split_once, trace
from recurra.program import Builder, evaluate, verify
from tests.compiler.simplified import ops_of, random_inputs
from tests.compiler.test_simplify_random import programs
from tests.contracts.drawn import layer_of
from tests.contracts.rows import every_streaming_layer


def assert_split_means_the_same(program):
    once, rest = split_once(program)
    given = random_inputs(program)
    wanted = evaluate(program, **given)

    weights = dict(given["weights"])
    if once is not None:
        verify(once)
        found = evaluate(once, x={each.name: weights[each.name][None] for each in once.inputs})
        weights |= {name: value[0] for (_, name), value in found.items()}
    verify(rest)
    assert rest.inputs[: len(program.inputs)] == program.inputs
    found = evaluate(rest, **{**given, "weights": weights})
    assert list(found) == list(wanted)
    for key, values in wanted.items():
        np.testing.assert_array_equal(found[key], values)
    assert split_once(rest) == (None, rest)
    return once, rest


@every_streaming_layer
def test_a_split_layer_means_the_same(row):
    program = trace(layer_of(row)).program

    assert_split_means_the_same(program)
    assert_split_means_the_same(differentiate(program))


@given(programs())
def test_any_split_program_means_the_same(program):
    assert_split_means_the_same(program)


def normalized():
    """A product with a weight whose rows are divided by their norms, used in two ways."""
    b = Builder()
    x = b.input("x", "x", (3,))
    w, scale = b.input("w", "weight", (2, 3)), b.input("g", "weight", (2,))
    norms = b.op("sqrt", b.op("sum", b.op("mul", w, w)))
    spread = b.op("expand", b.op("reshape", norms, shape=(2, 1)), shape=(2, 3))
    unit = b.op("div", w, spread)
    part = b.op("slice", x, axis=0, start=0, stop=2)
    y = b.op("mul", b.op("matvec", unit, x, transposed=False), b.op("div", scale, norms))
    block = b.op("slice", w, axis=1, start=0, stop=2)
    b.output("y", "y", b.op("add", y, b.op("matvec", block, part, transposed=True)))
    return b.program()


def test_a_normalized_weight_is_normalized_once():
    once, rest = assert_split_means_the_same(normalized())

    assert [each.name for each in once.inputs] == ["w", "g"]
    assert [each[:2] for each in once.outputs] == [("once.0", "y"), ("once.1", "y")]
    assert [each.name for each in rest.inputs] == ["x", "w", "g", "once.0", "once.1"]
    assert ops_of(rest) == ["slice", "matvec", "mul", "slice", "matvec", "add"]


def test_views_of_weights_are_not_worth_a_program():
    b = Builder()
    x, w = b.input("x", "x", (2,)), b.input("w", "weight", (6,))
    matrix = b.op("transpose", b.op("reshape", w, shape=(2, 3)), order=(1, 0))
    b.output("y", "y", b.op("matvec", matrix, x, transposed=False))

    assert split_once(b.program()) == (None, b.program())


def test_a_condition_on_weights_stays_for_answers_are_floats():
    b = Builder()
    x, w = b.input("x", "x", (2,)), b.input("w", "weight", (2,))
    b.output("y", "y", b.op("where", b.op("less", b.op("exp", w), b.like(1, w)), x, w))

    once, rest = assert_split_means_the_same(b.program())

    assert ops_of(once) == ["exp"]
    assert ops_of(rest) == ["constant", "less", "where"]


def test_shared_values_are_those_of_weights_and_constants():
    b = Builder()
    x, w = b.input("x", "x", (2,)), b.input("w", "weight", (2,))
    shared = [w, b.op("exp", w), b.like(1, w)]
    b.output("y", "y", b.op("mul", b.op("add", shared[1], shared[2]), x))

    assert shared_values(b.program()) == {*shared, 4}


def test_that_check_notices_answers_that_changed_places(monkeypatch):
    b = Builder()
    x, w = b.input("x", "x", (2,)), b.input("w", "weight", (2,))
    b.output("y", "y", b.op("add", b.op("mul", x, b.op("exp", w)), b.op("tanh", w)))

    def swapped(program, right=split_once):
        once, rest = right(program)
        first, second = once.outputs
        outputs = (first._replace(value=second.value), second._replace(value=first.value))
        return replace(once, outputs=outputs), rest

    monkeypatch.setattr(sys.modules[__name__], "split_once", swapped)

    with pytest.raises(AssertionError):
        assert_split_means_the_same(b.program())
