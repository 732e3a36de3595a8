"""Operations that move elements, and those that make tensors from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.compiler.lowering import Lowering, Value, handles


@handles(
    "aten.zeros_like.default", "aten.ones_like.default", "aten.full_like.default",
    "aten.new_zeros.default", "aten.new_ones.default", "aten.new_full.default",
    "aten.zeros.default", "aten.ones.default", "aten.full.default", "aten.scalar_tensor.default",
)  # fmt: skip
def _filled(low: Lowering, *given: Any, **_: Any) -> Value:
    operation = low.operation.removeprefix("aten.")
    value = 0.0 if "zeros" in operation else 1.0 if "ones" in operation else float(given[-1])
    if operation.startswith("scalar_tensor"):
        return low.number(given[0])
    if "_like" in operation:
        return Value(low.b.constant(value, low.shape(given[0])), given[0].rows)
    size = given[1] if operation.startswith("new_") else given[0]
    rows = bool(size) and size[0] == low.batch
    return Value(low.b.constant(value, tuple(size[rows:])), rows)


@handles(
    "aten.detach.default",
    "aten.clone.default",
    "aten.alias.default",
    "aten.lift_fresh_copy.default",
)
def _same(low: Lowering, x: Value, **_: Any) -> Value:
    return x


@handles("aten._to_copy.default")
def _to_copy(low: Lowering, x: Value, dtype: Any = None, **_: Any) -> Value:
    if dtype is None or (low.kind(x) == "float" and dtype.is_floating_point):
        return x
    if not dtype.is_floating_point:
        low.refuse(f"makes {dtype} of floats")
    return low.as_float(x)


@handles("aten.t.default")
def _t(low: Lowering, x: Value) -> Value:
    rank = len(low.shape(x)) + x.rows
    return x if rank < 2 else _permute(low, x, [1, 0])


@handles("aten.transpose.int")
def _transpose(low: Lowering, x: Value, one: int, other: int) -> Value:
    order = list(range(len(low.shape(x)) + x.rows))
    order[one], order[other] = order[other], order[one]
    return _permute(low, x, order)


@handles("aten.permute.default")
def _permute(low: Lowering, x: Value, order: Sequence[int]) -> Value:
    rank = len(low.shape(x)) + x.rows
    order = [axis % rank for axis in order]
    if x.rows and order[0] != 0:
        low.refuse("moves the batch axis")
    kept = tuple(axis - x.rows for axis in order[x.rows :])
    return x if list(kept) == sorted(kept) else low.op("transpose", x.rows, x.id, order=kept)


@handles("aten.unsqueeze.default")
def _unsqueeze(low: Lowering, x: Value, dim: int) -> Value:
    shape = [*low.shape(x)]
    dim = dim % (len(shape) + x.rows + 1)
    if x.rows and dim == 0:
        low.refuse("puts an axis before the batch")
    shape.insert(dim - x.rows, 1)
    return low.reshape(x, shape)


@handles("aten.squeeze.dim", "aten.squeeze.dims")
def _squeeze(low: Lowering, x: Value, dims: int | Sequence[int]) -> Value:
    axes = {low.axis(x, dim) for dim in ([dims] if isinstance(dims, int) else dims)}
    shape = low.shape(x)
    return low.reshape(x, [n for k, n in enumerate(shape) if k not in axes or n != 1])


@handles("aten.view.default", "aten._unsafe_view.default", "aten.reshape.default")
def _view(low: Lowering, x: Value, _: Sequence[int]) -> Value:
    return low.reshape(x, low.made_row() if x.rows else low.made)


@handles("aten.expand.default")
def _expand(low: Lowering, x: Value, _: Sequence[int], **__: Any) -> Value:
    """Repeats axes; what is repeated for every row has rows from here on."""
    if not x.rows and low.made[:1] != (low.batch,):
        return low.expand(_padded(low, x, len(low.made)), low.made)
    shape = low.made_row()
    inner = x if x.rows or len(low.shape(x)) <= len(shape) else low.reshape(x, low.shape(x)[1:])
    return Value(low.expand(_padded(low, inner, len(shape)), shape).id, rows=True)


def _padded(low: Lowering, x: Value, rank: int) -> Value:
    shape = low.shape(x)
    return low.reshape(x, (1,) * (rank - len(shape)) + shape)


@handles("aten.slice.Tensor")
def _slice(
    low: Lowering, x: Value, dim: int = 0, start: int | None = None, stop: int | None = None,
    step: int = 1,
) -> Value:  # fmt: skip
    every_row = start in (None, 0) and step == 1 and (stop is None or stop >= low.batch)
    if x.rows and dim % (len(low.shape(x)) + 1) == 0 and every_row:
        return x
    axis = low.axis(x, dim)
    start, stop, step = slice(start, stop, step).indices(low.shape(x)[axis])
    if step != 1:
        low.refuse(f"takes every {step}th element")
    return _cut(low, x, axis, start, max(start, stop))


def _cut(low: Lowering, x: Value, axis: int, start: int, stop: int) -> Value:
    if (start, stop) == (0, low.shape(x)[axis]):
        return x
    return low.op("slice", x.rows, x.id, axis=axis, start=start, stop=stop)


@handles("aten.select.int")
def _select(low: Lowering, x: Value, dim: int, index: int) -> Value:
    axis = low.axis(x, dim)
    shape = [*low.shape(x)]
    index = index % shape[axis]
    one = _cut(low, x, axis, index, index + 1)
    del shape[axis]
    return low.reshape(one, shape)


@handles("aten.split.Tensor")
def _split(low: Lowering, x: Value, size: int, dim: int = 0) -> list[Value]:
    axis = low.axis(x, dim)
    total = low.shape(x)[axis]
    return [_cut(low, x, axis, at, min(at + size, total)) for at in range(0, max(total, 1), size)]


@handles("aten.split_with_sizes.default")
def _split_with_sizes(low: Lowering, x: Value, sizes: Sequence[int], dim: int = 0) -> list[Value]:
    axis, start = low.axis(x, dim), 0
    parts: list[Value] = []
    for size in sizes:
        parts.append(_cut(low, x, axis, start, start + size))
        start += size
    return parts


@handles("aten.unbind.int")
def _unbind(low: Lowering, x: Value, dim: int = 0) -> list[Value]:
    return [_select(low, x, dim, k) for k in range(low.shape(x)[low.axis(x, dim)])]


@handles("aten.cat.default")
def _cat(low: Lowering, parts: Sequence[Value], dim: int = 0) -> Value:
    rows = any(part.rows for part in parts)
    if rows and not all(part.rows for part in parts):
        low.refuse("joins what has rows with what has none; expand it to the batch first")
    axis = low.axis(parts[0], dim)
    floats = [low.as_float(part) for part in parts]
    return low.op("concat", rows, *(part.id for part in floats), axis=axis)
