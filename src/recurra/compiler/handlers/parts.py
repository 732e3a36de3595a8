"""Operations that take tensors apart and put them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from recurra.compiler.handlers.views import expand, permute, unsqueeze
from recurra.compiler.lowering import Lowering, Number, Value, handles

MOST_PIECES = 64


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


@handles("aten.stack.default")
def _stack(low: Lowering, parts: Sequence[Value], dim: int = 0) -> Value:
    dim = dim % (low.rank(parts[0]) + 1)
    return _cat(low, [unsqueeze(low, part, dim) for part in parts], dim)


@handles("aten.diagonal.default")
def _diagonal(low: Lowering, x: Value, offset: int = 0, one: int = 0, other: int = 1) -> Value:
    """The main diagonal of two axes, put last."""
    rank = low.rank(x)
    one, other = one % rank, other % rank
    rest = [axis for axis in range(rank) if axis not in (one, other)]
    x = permute(low, x, [*rest, one, other])
    *ahead, rows, columns = low.shape(x)
    if offset or rows != columns:
        low.refuse("takes another diagonal than the main one of a square")
    low.axis(x, -1), low.axis(x, -2)
    flat = low.reshape(x, [*ahead, rows * columns])
    return picked(low, flat, len(ahead), range(0, rows * columns, columns + 1))


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


@handles("aten.copy.default")
def _copy(low: Lowering, x: Value, other: Value, *_: Any) -> Value:
    """What an assignment makes of a whole tensor: the other one, in its shape."""
    return expand(low, low.as_float(other), low.made)


@handles("aten.fill.Scalar", "aten.fill.Tensor", "aten.full_like.default")
def _fill(low: Lowering, x: Value, value: Value | Number, *_: Any, **__: Any) -> Value:
    if isinstance(value, Value):
        return expand(low, low.as_float(value), low.made)
    rows, shape = low.of_made()
    return low.filled(value, shape, rows)


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
