"""Torch operations in the closed set of ops, one handler each.

A torch tensor is one of two kinds here. One with rows carries the batch, which a program's value
leaves out; a shared one depends on weights only and has none. An operation that would mix rows is
refused, by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

from recurra.errors import TraceError
from recurra.program import Builder

__all__ = ["HANDLERS", "Lowering", "Number", "Rows", "Value", "handles"]

Number = bool | int | float


class Rows(NamedTuple):
    """Where a torch tensor holds the batch."""

    place: int = 0  # the torch axis
    merged: int = 0  # how many axes of a row lie with the batch in that one axis, after it


class Value(NamedTuple):
    """A torch tensor as a program's value: its axes in torch's order, without the batch."""

    id: int
    rows: Rows | None  # None for what is shared


class Lowering:
    """A program in the making, and what the handlers ask of it."""

    def __init__(self, batch: int) -> None:
        self.b = Builder()
        self.batch = batch  # the length of the batch axis while tracing, a prime
        self.operation = ""  # the torch operation at hand, for messages
        self.made: tuple[int, ...] = ()  # the shape of the tensor it makes
        self.drawn: Value | None = None  # the random numbers it asks for

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

    def rank(self, value: Value) -> int:
        """How many axes the torch tensor has."""
        own = len(self.shape(value))
        return own if value.rows is None else own + 1 - value.rows.merged

    def op(self, name: str, rows: Rows | None, *inputs: int, **attributes: Any) -> Value:
        """The value of an op."""
        return Value(self.b.op(name, *inputs, **attributes), rows)

    def axis(self, value: Value, dim: int) -> int:
        """A torch axis as one of the value's own."""
        rank = self.rank(value)
        dim = dim % rank if rank else 0
        if value.rows is None or dim < value.rows.place:
            return dim
        if dim == value.rows.place:
            self.refuse("works along the batch axis, so that rows would see each other")
        return dim - 1 + value.rows.merged

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
        if number and (number == self.batch or 1 / number == self.batch):
            self.refuse("computes with the number of rows in the batch")
        if math.isnan(number):
            self.refuse("computes with NaN")
        if math.isinf(number):
            lowest = self.b.op("log", self.b.constant(0, ()))
            return Value(lowest if number < 0 else self.b.op("neg", lowest), None)
        return Value(self.b.constant(float(number), ()), None)

    def filled(self, number: Number, shape: Sequence[int], rows: Rows | None) -> Value:
        """A Python number in every place of a shape."""
        single = self.number(number)
        if math.isfinite(number):
            return Value(self.b.constant(float(number), tuple(shape)), rows)
        spread = self.expand(self.reshape(single, [1] * len(shape)), shape)
        return Value(spread.id, rows)

    def roles(self, value: int) -> set[str]:
        """The roles of all inputs that a value is made of."""
        waiting, seen = [value], {value}
        found = set[str]()
        while waiting:
            made = self.b.maker(waiting[-1])
            if made is None:
                found.add(self.b.inputs[waiting[-1]].role)
            waiting.pop()
            new = [each for each in (made.inputs if made else ()) if each not in seen]
            waiting += new
            seen.update(new)
        return found

    def detached(self, value: Value) -> Value:
        """The value, through which no gradient goes."""
        if self.kind(value) != "float" or not self.roles(value.id) & {"x", "state", "weight"}:
            return value
        return self.op("detach", value.rows, value.id)

    # --- views --------------------------------------------------------------------------------

    def reshaped(self, value: int, shape: Sequence[int]) -> int:
        """One row's elements in another shape; never a reshape of a reshape."""
        shape = tuple(shape)
        if self.b.types[value].shape == shape:
            return value
        made = self.b.maker(value)
        if made is not None and made.op == "reshape":
            return self.reshaped(made.inputs[0], shape)
        return self.b.op("reshape", value, shape=shape)

    def transposed(self, value: int, order: Sequence[int]) -> int:
        """The axes in another order; axes of one element cost nothing to move."""
        shape = self.b.types[value].shape
        turned = [shape[axis] for axis in order]
        long = [axis for axis in order if shape[axis] != 1]
        inner = sorted(long)
        value = self.reshaped(value, [shape[axis] for axis in inner])
        order = tuple(inner.index(axis) for axis in long)
        made = self.b.maker(value)
        if made is not None and made.op == "transpose" and long != inner:
            value, before = made.inputs[0], made.attributes["order"]
            order = tuple(before[axis] for axis in order)
        if list(order) != sorted(order):
            value = self.b.op("transpose", value, order=order)
        return self.reshaped(value, turned)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """One row's elements in another shape, the batch where it was."""
        return Value(self.reshaped(value.id, shape), value.rows)

    def expand(self, value: Value, shape: Sequence[int]) -> Value:
        """Axes of one element repeated."""
        if self.shape(value) == tuple(shape):
            return value
        return self.op("expand", value.rows, value.id, shape=tuple(shape))

    def of_rows(self, shape: Sequence[int]) -> tuple[Rows, tuple[int, ...]]:
        """Where a torch shape holds the batch, and the shape of one row."""
        places = [k for k, size in enumerate(shape) if size and size % self.batch == 0]
        if len(places) != 1:
            self.refuse(f"makes the shape {self.named(shape)}, in which rows would mix")
        (place,) = places
        beside = shape[place] // self.batch
        merged = (beside,) if beside > 1 else ()
        return Rows(place, len(merged)), (*shape[:place], *merged, *shape[place + 1 :])

    def of_made(self) -> tuple[Rows | None, tuple[int, ...]]:
        """Where the tensor that the operation makes holds the batch, if it does."""
        held = any(size and size % self.batch == 0 for size in self.made)
        return self.of_rows(self.made) if held else (None, self.made)

    def named(self, shape: Sequence[int]) -> str:
        """A torch shape for messages, the batch by its name."""
        sizes = [f"{n // self.batch or n}" for n in shape]
        named = [
            n if size % self.batch or not size else "batch" if n == "1" else f"{n} batch"
            for n, size in zip(sizes, shape, strict=True)
        ]
        return f"[{', '.join(named)}]"

    # --- alignment ----------------------------------------------------------------------------

    def broadcast(self, *given: Value | Number) -> tuple[list[int], Rows | None]:
        """Operands in one shape, as torch aligns them: from the last axis on.

        Returns:
            The values, and where the result holds the batch.
        """
        values = [v if isinstance(v, Value) else self.number(v) for v in given]
        rank = max(self.rank(value) for value in values)
        rows = self._aligned(values, rank)
        padded = [self.padded(value, rank, rows) for value in values]
        shape = tuple(
            max(sizes, key=lambda size: size != 1)
            for sizes in zip(*(self.shape(value) for value in padded), strict=True)
        )
        return [self.expand(value, shape).id for value in padded], rows

    def _aligned(self, values: Sequence[Value], rank: int) -> Rows | None:
        found = {
            value.rows._replace(place=value.rows.place + rank - self.rank(value))
            for value in values
            if value.rows
        }
        if len(found) > 1:
            self.refuse("aligns the batch axis of one operand with another axis of the other")
        return found.pop() if found else None

    def padded(self, value: Value, rank: int, rows: Rows | None) -> Value:
        """Axes of one element put first, up to a torch rank that has its batch at `rows`."""
        shape = (1,) * (rank - self.rank(value)) + self.shape(value)
        if rows and not value.rows:
            if shape[rows.place] != 1:
                self.refuse("gives every row of the batch a weight of its own")
            shape = (*shape[: rows.place], *[1] * rows.merged, *shape[rows.place + 1 :])
        return Value(self.reshaped(value.id, shape), rows)

    def pointwise(self, name: str, *given: Value | Number) -> Value:
        """A pointwise op on operands that torch would broadcast."""
        floats = [self.as_float(v) if isinstance(v, Value) else v for v in given]
        values, rows = self.broadcast(*floats)
        return self.op(name, rows, *values)

    # --- reductions ---------------------------------------------------------------------------

    def reduce(self, name: str, value: Value, dims: Any, keepdim: bool = False) -> Value:
        """A reduction over any axes but the batch; they are brought to the end first."""
        value = self.as_float(value)
        shape, axes = self.shape(value), self._axes(value, dims)
        rest = [axis for axis in range(len(shape)) if axis not in axes]
        moved = self.transposed(value.id, [*rest, *axes])
        kept = [shape[axis] for axis in rest]
        reduced = self.b.op(name, self.reshaped(moved, [*kept, self.count(value, dims)]))
        if keepdim:
            ones = [1 if axis in axes else size for axis, size in enumerate(shape)]
            return Value(self.reshaped(reduced, ones), value.rows)
        return Value(reduced, self.without(value.rows, axes))

    def without(self, rows: Rows | None, axes: Sequence[int]) -> Rows | None:
        """Where the batch is once some of the value's axes are gone."""
        if rows is None:
            return None
        return rows._replace(place=rows.place - sum(axis < rows.place for axis in axes))

    def _axes(self, value: Value, dims: Any) -> list[int]:
        every = range(self.rank(value))
        return sorted(
            self.axis(value, dim) for dim in ([dims] if isinstance(dims, int) else dims or every)
        )

    def count(self, value: Value, dims: Any) -> int:
        """How many elements some torch axes hold together."""
        return math.prod(self.shape(value)[axis] for axis in self._axes(value, dims))


Handler = TypeVar("Handler", bound=Callable[..., Any])
HANDLERS: dict[str, Callable[..., Any]] = {}


def handles(*operations: str) -> Callable[[Handler], Handler]:
    """Enters a handler: it takes the lowering, then the torch operation's arguments."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(operations, handler))
        return handler

    return enter
