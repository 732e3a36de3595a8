"""Products of many heads mean the same one head at a time."""

import pytest

from recurra.compiler import differentiate, one_head_each, trace
from recurra.layers import Recurrent
from recurra.program import Builder
from tests.compiler.agree import assert_rewritten_means_the_same
from tests.compiler.papers import DeltaNet, LinearAttention


def assert_means_the_same(program):
    parted = one_head_each(program)
    assert_rewritten_means_the_same(program, parted)
    types = parted.types()
    for op, inputs, _ in parted.instructions:
        if op in ("matvec", "outer"):
            assert len(types[inputs[1]].shape) == 1


@pytest.mark.parametrize("heads", [(1,), (3,), (2, 3)])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_heads(heads, transposed):
    b = Builder()
    m, v = b.input("m", "weight", (*heads, 4, 4)), b.input("v", "x", (*heads, 4))
    product = b.op("matvec", m, v, transposed=transposed)
    b.output("y", "y", b.op("outer", product, v))

    assert_means_the_same(b.program())


@pytest.mark.parametrize("make", [LinearAttention, DeltaNet])
def test_cells_with_heads_and_their_gradients(make):
    program = trace(Recurrent(make())).program

    assert_means_the_same(program)
    assert_means_the_same(differentiate(program))


def test_what_has_no_heads_stays_as_it_is():
    b = Builder()
    m, v = b.input("m", "weight", (3, 4)), b.input("v", "x", (4,))
    b.output("y", "y", b.op("outer", b.op("matvec", m, v, transposed=False), v))

    assert one_head_each(b.program()) == b.program()
