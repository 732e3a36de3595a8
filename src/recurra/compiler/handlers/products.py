"""Products of matrices: weights with rows, and what each row holds.

In a product of torch tensors (heads, n, k) and (heads, k, m) the batch may lie in any axis but k:
among the heads of both, in n of the first, in m of the second.
"""

from __future__ import annotations

import math
from typing import Any

from recurra.compiler.handlers.parts import MOST_PIECES
from recurra.compiler.handlers.pointwise import scaled
from recurra.compiler.handlers.views import squeeze, unsqueeze
from recurra.compiler.lowering import Lowering, Number, Rows, Value, handles


@handles("aten.mm.default", "aten.bmm.default")
def _product(low: Lowering, x: Value, y: Value) -> Value:
    heads = low.rank(x) - 2
    rows = _batch_of_product(low, x, y, heads)
    made = _matrices(low, _with_one_axis(low, x), _with_one_axis(low, y), heads)
    shape = low.b.types[made].shape
    if rows is not None and shape[rows.place] == 1:
        rows = rows._replace(merged=0)
        made = low.reshaped(made, [*shape[: rows.place], *shape[rows.place + 1 :]])
    return Value(made, rows)


def _batch_of_product(low: Lowering, x: Value, y: Value, heads: int) -> Rows | None:
    """Where the product holds the batch, counting that axis as one of the value's own."""
    places = (x.rows and x.rows.place, y.rows and y.rows.place)
    if places == (None, None):
        return None
    in_heads = heads and places == (0, 0)
    if not in_heads and places not in ((heads, None), (None, heads + 1)):
        low.refuse("multiplies along the batch axis or rows with rows, so that rows would mix")
    place = next(place for place in places if place is not None)
    return Rows(place, merged=1)


def _with_one_axis(low: Lowering, x: Value) -> int:
    """The value with one axis for all that lies with the batch, as torch's tensor has."""
    if x.rows is None:
        return x.id
    place, merged = x.rows
    shape = low.shape(x)
    beside = math.prod(shape[place : place + merged])
    return low.reshaped(x.id, [*shape[:place], beside, *shape[place + merged :]])


def _matrices(low: Lowering, x: int, y: int, heads: int) -> int:
    """The product of matrices (..., n, k) and (..., k, m), of which one is often a vector."""
    (*ahead, n, k), m = low.b.types[x].shape, low.b.types[y].shape[-1]
    shape = [*ahead, n, m]
    if ahead == [1]:
        x, y, ahead = low.reshaped(x, [n, k]), low.reshaped(y, [k, m]), []
    if k == 1 and n > 1 and m > 1:
        vectors = low.reshaped(x, [*ahead, n]), low.reshaped(y, [*ahead, m])
        made = low.b.op("outer", *vectors)
    elif _x_is_matrix(low, x, y, n, m):
        made = _times_many(low, x, y, len(ahead) + 1, transposed=False)
    else:
        made = _times_many(low, y, x, len(ahead), transposed=True)
    return low.reshaped(made, shape)


def _x_is_matrix(low: Lowering, x: int, y: int, n: int, m: int) -> bool:
    """Whether x is best multiplied by the columns of y, and not the rows of x by y."""
    if n != m and 1 in (n, m):
        return m == 1
    shared = _is_shared(low, x)
    return shared if shared != _is_shared(low, y) else m <= n


def _is_shared(low: Lowering, value: int) -> bool:
    """Whether a value is made of weights only."""
    return low.roles(value) <= {"weight"}


def _times_many(low: Lowering, matrix: int, many: int, axis: int, *, transposed: bool) -> int:
    """A matrix times each vector that lies side by side along an axis."""
    shape = low.b.types[many].shape
    count, vector = shape[axis], [*shape[:axis], *shape[axis + 1 :]]
    if count > MOST_PIECES:
        low.refuse(
            f"multiplies two matrices of each row, by {count} vectors; {MOST_PIECES} at most"
        )
    products = []
    for k in range(count):
        one = many if count == 1 else low.b.op("slice", many, axis=axis, start=k, stop=k + 1)
        product = _matvec(low, matrix, low.reshaped(one, vector), transposed)
        wide = [*low.b.types[product].shape]
        wide.insert(axis, 1)
        products.append(low.reshaped(product, wide))
    return products[0] if count == 1 else low.b.op("concat", *products, axis=axis)


def _matvec(low: Lowering, matrix: int, vector: int, transposed: bool) -> int:
    made = low.b.maker(matrix)
    last = len(low.b.types[matrix].shape) - 1
    turned = (*range(last - 1), last, last - 1)
    if made is not None and made.op == "transpose" and made.attributes["order"] == turned:
        matrix, transposed = made.inputs[0], not transposed
    return low.b.op("matvec", matrix, vector, transposed=transposed)


@handles("aten.addmm.default")
def _addmm(
    low: Lowering, bias: Value, x: Value, weight: Value, beta: Number = 1, alpha: Number = 1
) -> Value:
    product = scaled(low, _product(low, x, weight), alpha)
    return low.pointwise("add", product, scaled(low, bias, beta))


@handles("aten.mv.default", "aten.dot.default", "aten.vdot.default")
def _with_vector(low: Lowering, x: Value, vector: Value) -> Value:
    """A matrix or a vector times a vector, as a product of matrices."""
    rows = low.rank(x) - 1
    x = x if rows else unsqueeze(low, x, 0)
    column = _product(low, x, unsqueeze(low, vector, 1))
    return squeeze(low, column, [1] if rows else [0, 1])


@handles("aten._trilinear.default")
def _trilinear(
    low: Lowering, x: Value, y: Value, z: Value, of_x: list[int], of_y: list[int], of_z: list[int],
    dims: list[int], _: int = 1,
) -> Value:  # fmt: skip
    """Products of three tensors, each given the axes that it lacks, summed over some."""
    for axis in of_x:
        x = unsqueeze(low, x, axis)
    for axis in of_y:
        y = unsqueeze(low, y, axis)
    for axis in of_z:
        z = unsqueeze(low, z, axis)
    return low.reduce("sum", low.pointwise("mul", low.pointwise("mul", x, z), y), dims)


@handles("aten.embedding.default")
def _embedding(low: Lowering, weight: Value, index: Value, *_: Any) -> Value:
    if weight.rows or low.kind(index) != "index":
        low.refuse("looks up something other than a weight by an index")
    if low.shape(index) != ():
        low.refuse("looks up several indices for each row")
    chosen = low.op("one_hot", index.rows, index.id, size=low.shape(weight)[0])
    return low.op("matvec", index.rows, weight.id, chosen.id, transposed=True)
