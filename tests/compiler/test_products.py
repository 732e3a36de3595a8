"""Products of state matrices, heads and weights, in the ways people write them."""

import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn

import recurra as rc
from recurra.compiler import differentiate, trace
from recurra.errors import TraceError
from recurra.program import OPS
from tests.compiler.agree import assert_step_agrees

HEADS, SIZE = 2, 4


class Matrices(rc.Cell):
    """Its state is a matrix a head; the update is handed in. x is (batch, heads * size)."""

    def __init__(self, update):
        super().__init__()
        self.input_size = HEADS * SIZE
        self.W = nn.Parameter(torch.randn(HEADS, SIZE, SIZE))
        self.U = nn.Parameter(torch.randn(SIZE, SIZE))
        self.V = nn.Parameter(torch.randn(HEADS * SIZE, HEADS * SIZE))
        self.linear = nn.Linear(SIZE, SIZE)
        self.bilinear = nn.Bilinear(HEADS * SIZE, HEADS * SIZE, HEADS)
        self.f = update

    def initial_state(self, batch):
        return self.zeros(batch, HEADS, SIZE, SIZE)

    def update(self, state, x):
        new = self.f(self, state, x.unflatten(-1, (HEADS, SIZE)))
        return 0.5 * state + new.reshape(len(x), HEADS, -1, new.shape[-1])

    def output(self, state, x):
        return state.flatten(1)


e = torch.einsum
WAYS = {  # c is the cell, M the state, v a vector a head
    "a matrix times a vector": lambda c, M, v: e("bhij,bhj->bhi", M, v)[..., None],
    "its transpose": lambda c, M, v: e("bhij,bhi->bhj", M, v)[..., None],
    "with dots": lambda c, M, v: e("...ij,...j->...i", M, v)[..., None],
    "by matmul": lambda c, M, v: M @ v[..., None],
    "a row by matmul": lambda c, M, v: v[:, :, None] @ M,
    "outer": lambda c, M, v: e("bhi,bhj->bhij", v, v.tanh()),
    "outer by bmm": lambda c, M, v: torch.bmm(v.reshape(-1, SIZE, 1), v.reshape(-1, 1, SIZE).tanh())
    .view(M.shape),
    "weights of each head": lambda c, M, v: e("bhi,hij->bhj", v, c.W)[..., None],
    "their transposes": lambda c, M, v: e("bhj,hij->bhi", v, c.W)[..., None],
    "weights of each head by matmul": lambda c, M, v: c.W @ v[..., None],
    "the same weights for all heads": lambda c, M, v: e("bhi,ij->bhj", v, c.U)[..., None],
    "a linear map of each head": lambda c, M, v: c.linear(v)[..., None],
    "a linear map of each row of M": lambda c, M, v: c.linear(M),
    "two matrices of each row": lambda c, M, v: M @ M,
    "a matrix and its transpose": lambda c, M, v: M @ M.mT,
    "weights from the left": lambda c, M, v: c.W @ M,
    "weights from the right": lambda c, M, v: M @ c.U,
    "two vectors": lambda c, M, v: e("bhi,bhi->bh", v, v.tanh())[..., None, None],
    "two vectors by matmul": lambda c, M, v: v[:, :, None] @ v[..., None],
    "three factors": lambda c, M, v: e("bhij,bhj,bhk->bhik", M, v, v),
    "a form of two vectors": lambda c, M, v: e("bi,hij,bj->bh", v[:, 0], c.W, v[:, 1])[..., None],
    "a trace": lambda c, M, v: e("bhii->bh", M)[..., None],
    "bilinear": lambda c, M, v: c.bilinear(v.flatten(1), v.flatten(1))[..., None],
    "columns": lambda c, M, v: (c.V @ v.flatten(1).T + c.V[:, :1]).T.view(*v.shape, 1),
    "heads as rows": lambda c, M, v: nn.functional.layer_norm(v.reshape(-1, SIZE), (SIZE,))
    .tanh().view(*v.shape, 1),
    "baddbmm": lambda c, M, v: torch.baddbmm(M[:, 0], v[:, 0, :, None], v[:, 1:]).repeat(1, 2, 1),
    "tensordot": lambda c, M, v: torch.tensordot(M, c.W, dims=([1, 3], [0, 2])).repeat(1, 2, 1),
    "two weights": lambda c, M, v: (v.flatten(1) @ (c.V @ c.V)).view(*v.shape, 1),
    "attention": lambda c, M, v: nn.functional.scaled_dot_product_attention(M, M.tanh(), M),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_product_of_any_style_is_read(way):
    torch.manual_seed(0)
    layer = rc.Recurrent(Matrices(WAYS[way])).double()

    assert_step_agrees(
        layer,
        torch.randn(3, HEADS, SIZE, SIZE, dtype=torch.float64),
        torch.randn(3, HEADS * SIZE, dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("way", "products"),
    [
        ("a matrix times a vector", {"matvec": 1}),
        ("a row by matmul", {"matvec": 1}),
        ("outer by bmm", {"outer": 1}),
        ("weights of each head", {"matvec": 1}),
        ("weights of each head by matmul", {"matvec": 1}),
        ("the same weights for all heads", {"matvec": HEADS}),
        ("two matrices of each row", {"matvec": SIZE}),
        ("columns", {"matvec": 1}),
    ],
)
def test_a_product_is_no_more_ops_than_it_takes(way, products):
    program = trace(rc.Recurrent(Matrices(WAYS[way]))).program

    ops = Counter(each.op for each in program.instructions)
    assert {name: ops[name] for name in ("matvec", "outer") if ops[name]} == products
    assert not ops["transpose"]


MIXING = {
    "rows with rows": lambda c, M, v: (v[:, 0] @ v[:, 1].T @ v[:, 0])[:, None, None].expand_as(
        M[:, :, :1]
    ),
    "a sum over rows": lambda c, M, v: e("bi,bj->ij", v[:, 0], v[:, 1]).expand_as(M),
    "rows as columns": lambda c, M, v: (
        v[:, 0].T.reshape(-1, SIZE)[:, None, None].expand_as(M[:, :, :1])
    ),
}


@pytest.mark.parametrize("way", MIXING)
def test_products_that_mix_rows_are_refused(way):
    with pytest.raises(TraceError, match="rows would mix"):
        trace(rc.Recurrent(Matrices(MIXING[way])))


def test_large_products_of_matrices_are_refused():
    wide = nn.Parameter(torch.randn(SIZE, 65))

    with pytest.raises(TraceError) as error:
        trace(rc.Recurrent(Matrices(lambda c, M, v: ((M @ wide).mT @ (M @ wide))[..., :4, :4])))

    assert str(error.value) == (
        "aten.bmm.default multiplies two matrices of each row, by 65 vectors; 64 at most."
    )


def test_that_check_notices_a_wrong_gradient(monkeypatch):
    right = OPS["outer"]
    swapped = replace(right, vector_jacobian=lambda *a: [*reversed(right.vector_jacobian(*a))])
    monkeypatch.setattr(sys.modules[differentiate.__module__], "OPS", {**OPS, "outer": swapped})

    with pytest.raises(AssertionError):
        test_a_product_of_any_style_is_read("outer by bmm")
