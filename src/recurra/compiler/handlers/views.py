"""Operations that move elements and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from recurra.compiler.lowering import Lowering, Rows, Value, handles


@handles(
    "aten.detach.default",
    "aten.clone.default",
    "aten.alias.default",
    "aten.lift_fresh_copy.default",
    "aten.contiguous.default",
)
def _same(low: Lowering, x: Value, **_: Any) -> Value:
    return x


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
    return x if low.rank(x) < 2 else _permute(low, x, [1, 0])


@handles("aten.transpose.int")
def _transpose(low: Lowering, x: Value, one: int, other: int) -> Value:
    order = list(range(low.rank(x)))
    order[one], order[other] = order[other], order[one]
    return _permute(low, x, order)


@handles("aten.permute.default")
def _permute(low: Lowering, x: Value, order: Sequence[int]) -> Value:
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
def _expand(low: Lowering, x: Value, _: Sequence[int], **__: Any) -> Value:
    """Repeats axes; what is repeated for every row has rows from here on."""
    if x.rows is None and all(size % low.batch for size in low.made if size):
        return low.expand(low.padded(x, len(low.made), None), low.made)
    rows, shape = low.of_rows(low.made)
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


# --- parts and wholes -----------------------------------------------------------------------------


@handles("aten.slice.Tensor")
def _slice(
    low: Lowering, x: Value, dim: int = 0, start: int | None = None, stop: int | None = None,
    step: int = 1,
) -> Value:  # fmt: skip
    every_row = start in (None, 0) and step == 1 and (stop is None or stop >= low.batch)
    if x.rows and dim % low.rank(x) == x.rows.place and not x.rows.merged and every_row:
        return x
    axis = low.axis(x, dim)
    start, stop, step = slice(start, stop, step).indices(low.shape(x)[axis])
    if step != 1:
        return picked(low, x, axis, range(start, stop, step))
    return cut(low, x, axis, start, max(start, stop))


def cut(low: Lowering, x: Value, axis: int, start: int, stop: int) -> Value:
    """A part of one of the value's own axes."""
    if (start, stop) == (0, low.shape(x)[axis]):
        return x
    return low.op("slice", x.rows, x.id, axis=axis, start=start, stop=stop)


MOST_PIECES = 64


def picked(low: Lowering, x: Value, axis: int, indices: Sequence[int]) -> Value:
    """Elements of one of the value's own axes in another order, by runs of neighbours."""
    starts = [k for k, index in enumerate(indices) if not k or index != indices[k - 1] + 1]
    if len(starts) > MOST_PIECES:
        low.refuse(f"picks {len(starts)} pieces of an axis, of at most {MOST_PIECES}")
    pieces = [
        cut(low, x, axis, indices[start], indices[stop - 1] + 1)
        for start, stop in zip(starts, [*starts[1:], len(indices)], strict=True)
    ]
    if not pieces:
        return cut(low, x, axis, 0, 0)
    return pieces[0] if len(pieces) == 1 else joined(low, pieces, axis)


def joined(low: Lowering, parts: Sequence[Value], axis: int) -> Value:
    """Parts one after the other along one of their own axes."""
    return low.op("concat", parts[0].rows, *(part.id for part in parts), axis=axis)


@handles("aten.select.int")
def select(low: Lowering, x: Value, dim: int, index: int) -> Value:
    """One element of a torch axis, which is then gone."""
    axis = low.axis(x, dim)
    shape = [*low.shape(x)]
    index = index % shape[axis]
    one = cut(low, x, axis, index, index + 1)
    del shape[axis]
    return Value(low.reshaped(one.id, shape), low.without(x.rows, [axis]))


@handles("aten.split.Tensor")
def _split(low: Lowering, x: Value, size: int, dim: int = 0) -> list[Value]:
    axis = low.axis(x, dim)
    total = low.shape(x)[axis]
    return [cut(low, x, axis, at, min(at + size, total)) for at in range(0, max(total, 1), size)]


@handles("aten.split_with_sizes.default")
def _split_with_sizes(low: Lowering, x: Value, sizes: Sequence[int], dim: int = 0) -> list[Value]:
    axis, start = low.axis(x, dim), 0
    parts: list[Value] = []
    for size in sizes:
        parts.append(cut(low, x, axis, start, start + size))
        start += size
    return parts


@handles("aten.unbind.int")
def _unbind(low: Lowering, x: Value, dim: int = 0) -> list[Value]:
    return [select(low, x, dim, k) for k in range(low.shape(x)[low.axis(x, dim)])]


@handles("aten.cat.default")
def _cat(low: Lowering, parts: Sequence[Value], dim: int = 0) -> Value:
    axis = low.axis(parts[0], dim)
    if len({part.rows for part in parts}) > 1:
        low.refuse("joins what has rows with what has none; expand it to the batch first")
    return joined(low, [low.as_float(part) for part in parts], axis)


@handles("aten.constant_pad_nd.default")
def _pad(low: Lowering, x: Value, sizes: Sequence[int], value: float = 0) -> Value:
    for k in range(len(sizes) // 2):
        axis = low.axis(x, -1 - k)
        for before, size in zip((True, False), sizes[2 * k : 2 * k + 2], strict=True):
            x = _wider(low, x, axis, size, value, before)
    return x


def _wider(low: Lowering, x: Value, axis: int, size: int, value: float, before: bool) -> Value:
    """More of one number before or after; a negative size cuts."""
    shape = [*low.shape(x)]
    if size <= 0:
        kept = (-size, shape[axis]) if before else (0, shape[axis] + size)
        return cut(low, x, axis, *kept)
    shape[axis] = size
    more = low.filled(value, shape, x.rows)
    return joined(low, [more, x] if before else [x, more], axis)


@handles("aten.roll.default")
def _roll(low: Lowering, x: Value, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    if len(dims) != len(shifts):
        low.refuse("turns all axes as one; say which")
    for shift, dim in zip(shifts, dims, strict=True):
        axis = low.axis(x, dim)
        size = low.shape(x)[axis]
        x = picked(low, x, axis, [(k - shift) % size for k in range(size)])
    return x


@handles("aten.flip.default")
def _flip(low: Lowering, x: Value, dims: Sequence[int]) -> Value:
    for axis in [low.axis(x, dim) for dim in dims]:
        x = picked(low, x, axis, range(low.shape(x)[axis])[::-1])
    return x


@handles("aten.slice_scatter.default")
def _slice_scatter(
    low: Lowering, x: Value, part: Value, dim: int = 0, start: int | None = None,
    stop: int | None = None, step: int = 1,
) -> Value:  # fmt: skip
    """What an assignment to a slice makes of the whole."""
    every_row = start in (None, 0) and step == 1 and (stop is None or stop >= low.batch)
    if x.rows and dim % low.rank(x) == x.rows.place and every_row:
        return part
    axis = low.axis(x, dim)
    size = low.shape(x)[axis]
    start, stop, step = slice(start, stop, step).indices(size)
    if step != 1:
        low.refuse(f"writes every {step}th element")
    pieces = [cut(low, x, axis, 0, start), part, cut(low, x, axis, max(start, stop), size)]
    whole = [piece for piece in pieces if low.shape(piece)[axis]]
    return joined(low, whole, axis) if len(whole) > 1 else whole[0]


@handles("aten.select_scatter.default")
def _select_scatter(low: Lowering, x: Value, part: Value, dim: int, index: int) -> Value:
    """What an assignment to one index makes of the whole."""
    axis = low.axis(x, dim)
    shape = [*low.shape(x)]
    index = index % shape[axis]
    shape[axis] = 1
    whole = Value(low.reshaped(part.id, shape), x.rows)
    return _slice_scatter(low, x, whole, dim, index, index + 1)


@handles("aten.index.Tensor")
def _index(low: Lowering, x: Value, indices: Sequence[Any]) -> Value:
    """One axis picked by whole numbers that stand in the code."""
    dims = [dim for dim, index in enumerate(indices) if index is not None]
    if len(dims) != 1:
        low.refuse("picks along several axes at once")
    return _index_select(low, x, dims[0], indices[dims[0]])


@handles("aten.index_select.default")
def _index_select(low: Lowering, x: Value, dim: int, index: Any) -> Value:
    axis = low.axis(x, dim)
    if isinstance(index, Value) or index.dim() != 1 or index.dtype == torch.bool:
        low.refuse("picks by what is not a list of whole numbers in the code")
    size = low.shape(x)[axis]
    return picked(low, x, axis, [k % size for k in index.tolist()])
