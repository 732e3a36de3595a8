"""Programs over sequences in plain numpy: slow, simple, and right.

It reads and writes the same memory as the native engine does, so that either can stand in for the
other.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.program import Program, evaluate
from recurra.program.ops import Array

if TYPE_CHECKING:
    from recurra.engine.native import Call, Gradients, Strided

__all__ = ["PlainLoop"]

State = dict[str, Array]


class PlainLoop:
    """One program, step by step by the meaning of its ops."""

    def __init__(self, program: Program, dtype: str) -> None:
        self.program = program
        self.type = np.dtype(dtype)
        self.shapes = {each[:2]: each.type.shape for each in program.inputs}
        self.state_names = [each.name for each in program.inputs if each.role == "state"]
        types = program.types()
        self.y_shapes = {o.name: types[o.value].shape for o in program.outputs if o.role == "y"}

    @cached_property
    def adjoint(self) -> Program:
        """The gradient of a step."""
        from recurra.compiler.differentiate import differentiate

        return differentiate(self.program)

    def residual_bytes(self, batch: int, time: int) -> int:
        """The states before every step, in float64."""
        return 8 * batch * time * sum(math.prod(shape) for shape in self._state_shapes())

    def _state_shapes(self) -> list[tuple[int, ...]]:
        return [self.shapes[name, "state"] for name in self.state_names]

    def forward(self, call: Call) -> None:
        """Run over sequences."""
        given = _Memory(self, call)
        ys = [
            given.strided(each, shape)
            for each, shape in zip(call.ys, self.y_shapes.values(), strict=True)
        ]
        for y in ys:
            y[...] = 0
        now = {name: slot.copy() for name, slot in given.states.items()}
        kept = given.residuals() if call.residuals else None
        for step, (rows, times) in enumerate(given.steps()):
            now = given.after_reset(now, rows, times)
            if kept is not None:
                for name, slot in now.items():
                    kept[name][step] = slot
            found = evaluate(self.program, **given.step(now, rows, times))
            for name, y in zip(self.y_shapes, ys, strict=True):
                y[rows, times] = found["y", name]
            for name, slot in now.items():
                slot[rows] = found["state", name].astype(self.type)
        for name, address in zip(self.state_names, call.finals, strict=True):
            given.rows(address, self.shapes[name, "state"])[...] = now[name]

    def backward(self, call: Call, gradients: Gradients) -> None:
        """The gradients of a run whose residuals were kept."""
        given = _Memory(self, call)
        y_grads = [
            None if each is None else given.strided(each, shape)
            for each, shape in zip(gradients.y_grads, self.y_shapes.values(), strict=True)
        ]
        kept, out = given.residuals(), _Totals(given, gradients)
        towards = {
            name: given.rows(address, self.shapes[name, "state"]).astype(np.float64)
            if address
            else np.zeros((call.batch, *self.shapes[name, "state"]))
            for name, address in zip(self.state_names, gradients.final_grads, strict=True)
        }
        for step, (rows, times) in reversed(list(enumerate(given.steps()))):
            before = {name: slot[step] for name, slot in kept.items()}
            incoming = {f"state {name}": slot[rows] for name, slot in towards.items()}
            for (name, shape), y_grad in zip(self.y_shapes.items(), y_grads, strict=True):
                none = np.zeros((len(rows), *shape))
                incoming[f"y {name}"] = none if y_grad is None else y_grad[rows, times]
            arguments = given.step(before, rows, times)
            found = evaluate(self.adjoint, gradient=incoming, **arguments)
            for name, slot in towards.items():
                slot[rows] = found["state", name]
            out.add(found, rows, times)
            if given.flags is not None:
                fresh = rows[given.flags[rows, times]]
                for name, slot in towards.items():
                    out.starts[name][fresh] += slot[fresh]
                    slot[fresh] = 0
        out.write(towards)


class _Memory:
    """The arrays of a call, read where they lie."""

    def __init__(self, loop: PlainLoop, call: Call) -> None:
        self.loop = loop
        self.call = call
        self.inputs = {
            role: {
                each.name: self.strided(where, each.type.shape, each.type.kind)
                for each, where in zip(self._named(role), places, strict=True)
            }
            for role, places in (("x", call.xs), ("draw", call.draws))
        }
        self.states = self._slots(call.states)
        self.starts = self._slots(call.starts) if call.starts is not None else None
        self.weights = {
            each.name: _array(where, each.type.shape, _contiguous(each.type.shape), loop.type)
            for each, where in zip(self._named("weight"), call.weights, strict=True)
        }
        batch, time = call.batch, call.time
        self.lengths = np.full(batch, time)
        if call.lengths:
            self.lengths = _array(call.lengths, (batch,), (1,), np.dtype(np.int64))
        self.flags: Array | None = None
        if call.reset:
            self.flags = _array(call.reset, (batch, time), (time, 1), np.dtype(np.bool_))

    def _named(self, role: str) -> list[Any]:
        return [each for each in self.loop.program.inputs if each.role == role]

    def _slots(self, addresses: Any) -> State:
        return {
            name: self.rows(where, self.loop.shapes[name, "state"]).astype(np.float64)
            for name, where in zip(self.loop.state_names, addresses, strict=True)
        }

    def strided(self, where: Strided, shape: tuple[int, ...], kind: str = "float") -> Array:
        """(batch, time, ...) of which rows and times may lie anywhere."""
        address, row, step = where
        dtype = self.loop.type if kind == "float" else np.dtype(np.int64)
        whole = (self.call.batch, self.call.time, *shape)
        return _array(address, whole, (row, step, *_contiguous(shape)), dtype)

    def rows(self, address: int, shape: tuple[int, ...]) -> Array:
        """(batch, ...), contiguous."""
        whole = (self.call.batch, *shape)
        return _array(address, whole, _contiguous(whole), self.loop.type)

    def residuals(self) -> State:
        """The states before every step, (time, batch, ...)."""
        place, kept = self.call.residuals, {}
        for name, shape in zip(self.loop.state_names, self.loop._state_shapes(), strict=True):
            whole = (self.call.time, self.call.batch, *shape)
            kept[name] = _array(place, whole, _contiguous(whole), np.dtype(np.float64))
            place += 8 * math.prod(whole)
        return kept

    def steps(self) -> Iterator[tuple[Array, Array]]:
        """The rows that a step is real for, and the time each of them reads."""
        for step in range(self.call.time):
            (rows,) = np.nonzero(step < self.lengths)
            backwards = self.lengths[rows] - 1 - step
            yield rows, backwards if self.call.backwards else np.full_like(rows, step)

    def after_reset(self, now: State, rows: Array, times: Array) -> State:
        """H_0 in the rows whose flag is set."""
        if self.flags is None or self.starts is None:
            return now
        fresh = rows[self.flags[rows, times]]
        for name, slot in now.items():
            slot[fresh] = self.starts[name][fresh]
        return now

    def step(self, state: State, rows: Array, times: Array) -> dict[str, Any]:
        """What one step is evaluated on."""
        return {
            "weights": self.weights,
            "state": {name: slot[rows] for name, slot in state.items()},
            **{
                role: {name: values[rows, times] for name, values in named.items()}
                for role, named in self.inputs.items()
            },
        }


class _Totals:
    """The gradients that go out, summed up where several steps have a share."""

    def __init__(self, given: _Memory, gradients: Gradients) -> None:
        self.given = given
        self.gradients = gradients
        self.weights = {name: np.zeros(w.shape) for name, w in given.weights.items()}
        self.starts = {name: np.zeros(slot.shape) for name, slot in given.states.items()}
        self.xs = {}
        for each, where in zip(given._named("x"), gradients.x_grads, strict=True):
            if where is not None:
                self.xs[each.name] = given.strided(where, each.type.shape)
                self.xs[each.name][...] = 0

    def add(self, found: Any, rows: Array, times: Array) -> None:
        """One step's share."""
        for name, total in self.weights.items():
            total += found["weight", name].sum(0)
        for name, x_grad in self.xs.items():
            x_grad[rows, times] = found["x", name]

    def write(self, towards: State) -> None:
        """The totals to where they are wanted."""
        loop, wanted = self.given.loop, self.gradients
        for address, total in zip(wanted.weight_grads, self.weights.values(), strict=True):
            if address:
                _array(address, total.shape, _contiguous(total.shape), loop.type)[...] = total
        for addresses, slots in (
            (wanted.state_grads, towards),
            (wanted.start_grads, self.starts),
        ):
            for name, address in zip(loop.state_names, addresses, strict=False):
                if address:
                    self.given.rows(address, loop.shapes[name, "state"])[...] = slots[name]


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _array(
    address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    """Foreign memory as an array; strides in elements."""
    if 0 in shape:
        return np.zeros(shape, dtype)
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    memory = (ctypes.c_char * ((last + 1) * dtype.itemsize)).from_address(address)
    steps = tuple(stride * dtype.itemsize for stride in strides)
    flat = np.frombuffer(memoryview(memory), dtype)
    return np.lib.stride_tricks.as_strided(flat, shape, steps)
