"""Products of rows with weights, and of what each row holds."""

from __future__ import annotations

from typing import Any

from recurra.compiler.handlers.pointwise import scaled
from recurra.compiler.lowering import Lowering, Number, Value, handles


@handles("aten.mm.default")
def _mm(low: Lowering, x: Value, weight: Value) -> Value:
    if not x.rows and not weight.rows:
        low.refuse("multiplies two weights, which a step should not do; do it once, outside")
    if weight.rows:
        low.refuse("multiplies by a matrix whose rows are the batch, so that rows would mix")
    turned = low.b.untransposed(weight.id)
    if turned is not None:
        return low.op("matvec", True, turned, x.id, transposed=False)
    return low.op("matvec", True, weight.id, x.id, transposed=True)


@handles("aten.addmm.default")
def _addmm(
    low: Lowering, bias: Value, x: Value, weight: Value, beta: Number = 1, alpha: Number = 1
) -> Value:
    product = scaled(low, _mm(low, x, weight), alpha)
    return low.pointwise("add", product, scaled(low, bias, beta))


@handles("aten.mv.default")
def _mv(low: Lowering, matrix: Value, vector: Value) -> Value:
    if vector.rows or not matrix.rows:
        low.refuse("multiplies something other than each row by a vector of weights")
    return low.reduce("sum", low.pointwise("mul", matrix, vector), -1)


@handles("aten.bmm.default")
def _bmm(low: Lowering, x: Value, y: Value) -> Value:
    if not (x.rows and y.rows):
        low.refuse("multiplies batches of which one is not the rows")
    (n, k), (_, m) = low.shape(x), low.shape(y)
    if m == 1:
        product = low.op("matvec", True, x.id, low.reshape(y, (k,)).id, transposed=False)
    elif n == 1:
        product = low.op("matvec", True, y.id, low.reshape(x, (k,)).id, transposed=True)
    elif k == 1:
        product = low.op("outer", True, low.reshape(x, (n,)).id, low.reshape(y, (m,)).id)
    else:
        low.refuse(f"multiplies two matrices ({n}, {k}) and ({k}, {m}) of each row")
    return low.reshape(product, (n, m))


@handles("aten.embedding.default")
def _embedding(low: Lowering, weight: Value, index: Value, *_: Any) -> Value:
    if weight.rows or low.kind(index) != "index":
        low.refuse("looks up something other than a weight by an index")
    if low.shape(index) != ():
        low.refuse("looks up several indices for each row")
    chosen = low.op("one_hot", True, index.id, size=low.shape(weight)[0])
    return low.op("matvec", True, weight.id, chosen.id, transposed=True)
