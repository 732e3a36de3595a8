"""Products used in parts mean the same cut into those parts, and are cut only for a sum's sake."""

import pytest

from recurra.cells import GRU
from recurra.compiler import differentiate, simplify, trace
from recurra.compiler.cut import cut_products
from recurra.layers import Recurrent
from recurra.program import Builder
from tests.compiler.agree import assert_rewritten_means_the_same


def assert_means_the_same(program):
    cut = cut_products(program)
    assert_rewritten_means_the_same(program, cut)
    return cut


def products_of(program):
    types = program.types()
    first = len(program.inputs)
    return [
        types[value].shape[0]
        for value, each in enumerate(program.instructions, first)
        if each.op == "matvec"
    ]


def test_the_gates_of_a_gru_are_cut_from_its_candidate():
    program = simplify(trace(Recurrent(GRU(3, 8))).program)

    cut = assert_means_the_same(program)

    assert sorted(products_of(program)) == [24, 24]
    assert sorted(products_of(cut)) == [8, 8, 16, 16]
    assert_means_the_same(simplify(differentiate(program)))


def sliced(ends, *, bias=False, added=True, whole=False, transposed=False, role="weight"):
    """A product of six numbers, cut at some places; the first part is added to, if any is."""
    b = Builder()
    shape = (2, 6) if transposed else (6, 2)
    w, x, z = b.input("w", role, shape), b.input("x", "x", (2,)), b.input("z", "x", (1,))
    weight = b.input("b", "weight", (6,))
    product = b.op("matvec", w, x, transposed=transposed)
    if bias:
        product = b.op("add", weight, product)
    for k, (start, stop) in enumerate(ends):
        part = b.op("slice", product, axis=0, start=start, stop=stop)
        other = b.op("expand", z, shape=(stop - start,))
        b.output(str(k), "y", b.op("add" if added and k == 0 else "mul", part, other))
    if whole:
        b.output("whole", "y", product)
    return b.program()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("ends", [[(0, 4), (4, 6)], [(4, 6), (0, 1), (1, 4)]])
def test_a_product_is_cut_where_its_answer_is(ends, bias):
    cut = assert_means_the_same(sliced(ends, bias=bias))

    assert sorted(products_of(cut)) == sorted(stop - start for start, stop in ends)


@pytest.mark.parametrize(
    "program",
    [
        sliced([(0, 4), (4, 6)], added=False),
        sliced([(0, 4), (4, 6)], whole=True),
        sliced([(0, 4), (4, 6)], transposed=True),
        sliced([(0, 4), (4, 6)], role="x"),
        sliced([(0, 4), (3, 6)]),
        sliced([(0, 4), (5, 6)]),
        sliced([(0, 4)]),
        sliced([(k, k + 1) for k in range(6)]),
    ],
    ids=["no sum", "whole", "turned", "own matrix", "overlap", "gap", "one part", "many parts"],
)
def test_other_products_stay_whole(program):
    assert assert_means_the_same(program) == program
