"""Torch operations in the closed set of ops, one handler each.

A torch tensor is one of two kinds here. One with rows carries the batch as its first axis, which a
program's value leaves out; a shared one depends on weights only and has none. An operation that
would mix rows is refused, by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

from recurra.errors import TraceError
from recurra.program import Builder

__all__ = ["HANDLERS", "Lowering", "Value"]

Number = bool | int | float


class Value(NamedTuple):
    """A torch tensor as a program's value."""

    id: int
    rows: bool  # whether the tensor's first axis is the batch


class Lowering:
    """A program in the making, and what the handlers ask of it."""

    def __init__(self) -> None:
        self.b = Builder()
        self.batch = 0  # the length of the batch axis while tracing
        self.operation = ""  # the torch operation at hand, for messages
        self.made: tuple[int, ...] = ()  # the shape of the tensor it makes

    def refuse(self, why: str) -> NoReturn:
        """Give up on the cell.

        Raises:
            TraceError: always; names the operation.
        """
        raise TraceError(f"{self.operation} {why}.")

    def shape(self, value: Value) -> tuple[int, ...]:
        """The shape of one row."""
        return self.b.types[value.id].shape

    def kind(self, value: Value) -> str:
        """float, bool or index."""
        return self.b.types[value.id].kind

    def op(self, name: str, rows: bool, *inputs: int, **attributes: Any) -> Value:
        """The value of an op."""
        return Value(self.b.op(name, *inputs, **attributes), rows)

    def axis(self, value: Value, dim: int) -> int:
        """A torch axis as one of the value's own."""
        rank = len(self.shape(value)) + value.rows
        dim = dim % rank if rank else 0
        if value.rows and dim == 0:
            self.refuse("works along the batch axis, so that rows would see each other")
        return dim - value.rows

    def as_float(self, value: Value) -> Value:
        """True as 1 and false as 0."""
        if self.kind(value) == "float":
            return value
        if self.kind(value) == "index":
            self.refuse("computes with indices; only an embedding takes them")
        one, zero = self.b.like(1, value.id), self.b.like(0, value.id)
        return self.op("where", value.rows, value.id, one, zero)

    def number(self, number: Number) -> Value:
        """A Python number as a shared scalar."""
        return Value(self.b.constant(float(number), ()), rows=False)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """One row's elements in another shape."""
        if self.shape(value) == tuple(shape):
            return value
        return self.op("reshape", value.rows, value.id, shape=tuple(shape))

    def broadcast(self, *given: Value | Number) -> tuple[list[int], bool]:
        """Operands in one shape, as torch aligns them: from the last axis on.

        Returns:
            The values, and whether they have rows.
        """
        values = [v if isinstance(v, Value) else self.number(v) for v in given]
        rows = any(value.rows for value in values)
        ranks = {len(self.shape(v)) for v in values if v.rows}
        if len(ranks) > 1:
            self.refuse("aligns the batch axis of one operand with another axis of the other")
        rank = ranks.pop() if rows else max(len(self.shape(v)) for v in values)
        padded = [self._pad(value, rank, rows) for value in values]
        shape = tuple(
            max(sizes, key=lambda size: size != 1)
            for sizes in zip(*(self.shape(value) for value in padded), strict=True)
        )
        return [self.expand(value, shape).id for value in padded], rows

    def _pad(self, value: Value, rank: int, rows: bool) -> Value:
        shape = self.shape(value)
        if not value.rows and rows and len(shape) == rank + 1:
            if shape[0] != 1:
                self.refuse("gives every row of the batch a weight of its own")
            shape = shape[1:]
        if len(shape) > rank:
            self.refuse("aligns the batch axis with an axis of the weights")
        return self.reshape(value, (1,) * (rank - len(shape)) + shape)

    def expand(self, value: Value, shape: Sequence[int]) -> Value:
        """Axes of one element repeated."""
        if self.shape(value) == tuple(shape):
            return value
        return self.op("expand", value.rows, value.id, shape=tuple(shape))

    def pointwise(self, name: str, *given: Value | Number) -> Value:
        """A pointwise op on operands that torch would broadcast."""
        floats = [self.as_float(v) if isinstance(v, Value) else v for v in given]
        values, rows = self.broadcast(*floats)
        return self.op(name, rows, *values)

    def reduce(self, name: str, value: Value, dims: Any, keepdim: bool = False) -> Value:
        """A reduction over any axes but the batch; they are brought to the end first."""
        value = self.as_float(value)
        shape, axes = self.shape(value), self._axes(value, dims)
        rest = [axis for axis in range(len(shape)) if axis not in axes]
        moved = value
        if rest + axes != list(range(len(shape))):
            moved = self.op("transpose", value.rows, value.id, order=(*rest, *axes))
        kept = tuple(shape[axis] for axis in rest)
        reduced = self.op(
            name, value.rows, self.reshape(moved, (*kept, self.count(value, dims))).id
        )
        if not keepdim:
            return reduced
        ones = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        return self.reshape(reduced, ones)

    def _axes(self, value: Value, dims: Any) -> list[int]:
        every = range(len(self.shape(value)) + value.rows)
        return sorted(
            self.axis(value, dim) for dim in ([dims] if isinstance(dims, int) else dims or every)
        )

    def count(self, value: Value, dims: Any) -> int:
        """How many elements some torch axes hold together."""
        return math.prod(self.shape(value)[axis] for axis in self._axes(value, dims))

    def made_row(self) -> tuple[int, ...]:
        """The shape that the operation makes of a value with rows, without the batch."""
        if self.made[:1] != (self.batch,):
            named = ["batch" if size == self.batch else size for size in self.made]
            self.refuse(f"makes the shape {named} of a batch, whose first axis must stay")
        return self.made[1:]


Handler = TypeVar("Handler", bound=Callable[..., Any])
HANDLERS: dict[str, Callable[..., Any]] = {}


def handles(*operations: str) -> Callable[[Handler], Handler]:
    """Enters a handler: it takes the lowering, then the torch operation's arguments."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(operations, handler))
        return handler

    return enter
