"""Operations that move elements and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from recurra.compiler.lowering import Lowering, Rows, Value, handles


@handles(
    "aten.clone.default",
    "aten.alias.default",
    "aten.lift_fresh_copy.default",
    "aten.contiguous.default",
)
def _same(low: Lowering, x: Value, **_: Any) -> Value:
    return x


@handles("aten.detach.default")
def _detach(low: Lowering, x: Value) -> Value:
    return low.detached(x)


@handles("aten._to_copy.default")
def _to_copy(low: Lowering, x: Value, dtype: Any = None, **_: Any) -> Value:
    if dtype is None or (low.kind(x) == "float" and dtype.is_floating_point):
        return x
    if low.kind(x) == "float":
        low.refuse(f"makes {dtype} of floats")
    return low.as_float(x)


# --- the order of axes ----------------------------------------------------------------------------


@handles("aten.t.default")
def _t(low: Lowering, x: Value) -> Value:
    return x if low.rank(x) < 2 else permute(low, x, [1, 0])


@handles("aten.transpose.int")
def _transpose(low: Lowering, x: Value, one: int, other: int) -> Value:
    order = list(range(low.rank(x)))
    order[one], order[other] = order[other], order[one]
    return permute(low, x, order)


@handles("aten.permute.default")
def permute(low: Lowering, x: Value, order: Sequence[int]) -> Value:
    """The torch axes in another order."""
    order = [axis % low.rank(x) for axis in order]
    if x.rows is None:
        return Value(low.transposed(x.id, order), None)
    place, merged = x.rows
    own: list[int] = []
    for axis in order:
        beside = range(place, place + merged) if axis == place else [low.axis(x, axis)]
        own.extend(beside)
    return Value(low.transposed(x.id, own), Rows(order.index(place), merged))


# --- the shape ------------------------------------------------------------------------------------


@handles("aten.unsqueeze.default")
def unsqueeze(low: Lowering, x: Value, dim: int) -> Value:
    """One more torch axis, of one element."""
    shape, rows = [*low.shape(x)], x.rows
    dim = dim % (low.rank(x) + 1)
    if rows and dim > rows.place:
        dim += rows.merged - 1
    elif rows:
        rows = rows._replace(place=rows.place + 1)
    shape.insert(dim, 1)
    return Value(low.reshaped(x.id, shape), rows)


@handles("aten.squeeze.dim", "aten.squeeze.dims", "aten.squeeze.default")
def squeeze(low: Lowering, x: Value, dims: int | Sequence[int] | None = None) -> Value:
    """Without those torch axes that have one element; all of them where none are named."""
    every = [k for k in range(low.rank(x)) if not x.rows or k != x.rows.place]
    wanted = [dims] if isinstance(dims, int) else every if dims is None else dims
    shape = low.shape(x)
    gone = {axis for axis in (low.axis(x, dim) for dim in wanted) if shape[axis] == 1}
    kept = [size for axis, size in enumerate(shape) if axis not in gone]
    return Value(low.reshaped(x.id, kept), low.without(x.rows, [*gone]))


@handles("aten.view.default", "aten._unsafe_view.default", "aten.reshape.default")
def _view(low: Lowering, x: Value, _: Sequence[int]) -> Value:
    if x.rows is None:
        return low.reshape(x, low.made)
    rows, shape = low.of_rows(low.made)
    if math.prod(shape[: rows.place]) != math.prod(low.shape(x)[: x.rows.place]):
        low.refuse(f"makes the shape {low.named(low.made)}, in which rows would mix")
    return Value(low.reshaped(x.id, shape), rows)


@handles("aten.expand.default")
def expand(low: Lowering, x: Value, _: Sequence[int], **__: Any) -> Value:
    """Axes repeated up to what the operation makes; what is so for every row has rows then."""
    rows, shape = low.of_made()
    return low.expand(low.padded(x, len(low.made), rows), shape)


@handles("aten.repeat.default")
def _repeat(low: Lowering, x: Value, times: Sequence[int]) -> Value:
    if x.rows and times[len(times) - low.rank(x) + x.rows.place] != 1:
        low.refuse("repeats the rows of the batch")
    x = _at_rank(low, x, len(times))
    own = [*times]
    if x.rows:
        own[x.rows.place : x.rows.place + 1] = [1] * x.rows.merged
    shape = low.shape(x)
    pairs = [size for each in shape for size in (1, each)]
    wanted = [size for each, count in zip(shape, own, strict=True) for size in (count, each)]
    repeated = low.expand(low.reshape(x, pairs), wanted)
    return low.reshape(repeated, [n * count for n, count in zip(shape, own, strict=True)])


def _at_rank(low: Lowering, x: Value, rank: int) -> Value:
    missing = rank - low.rank(x)
    rows = x.rows and x.rows._replace(place=x.rows.place + missing)
    return Value(low.reshaped(x.id, (1,) * missing + low.shape(x)), rows)
