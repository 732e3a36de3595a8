"""The engine that runs a model's program natively: numpy arrays in and out, and no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.compiler.heads import one_head_each
from recurra.compiler.prepare import prepare
from recurra.compiler.simplify import simplify, split_once
from recurra.engine import Array, KeyedStepper, Slot, Stepper, _native
from recurra.engine.native import make_plan
from recurra.engine.ready import Ready
from recurra.program import Program

__all__ = ["NativeEngine"]

_WEIGHTS: dict[str, Any] = {"float32": _native.Weights32, "float64": _native.Weights64}
_STEPPERS: dict[str, Any] = {"float32": _native.Stepper32, "float64": _native.Stepper64}
_KEYED_STEPPERS: dict[str, Any] = {
    "float32": _native.KeyedStepper32,
    "float64": _native.KeyedStepper64,
}

State = tuple[Array, ...]  # of every slot: (batch, elements)


class NativeEngine:
    """Runs the program of a model.

    Whole sequences, chunks of them, single steps and rows of any batch give the same bits. What
    depends on weights only is computed once, here, and the weights are packed once; all streams
    share them.

    Args:
        ready: what is to run.

    Raises:
        PlanError: the native engine cannot run it.

    >>> import numpy as np
    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, h = b.input("x", "x", (1,)), b.input("h", "state", (1,))
    >>> total = b.op("add", x, h)
    >>> b.output("y", "y", total)
    >>> b.output("h", "state", total)
    >>> engine = NativeEngine(Ready(b.program(), "float32", {}, (), {}, "Sum()", {}, 0))
    >>> y, state = engine.run(np.ones((1, 3, 1), np.float32), engine.start(1), None, None)
    >>> y.ravel().tolist(), engine.give(state)["h"].tolist()
    ([1.0, 2.0, 3.0], [[3.0]])
    """

    name = "native"

    def __init__(self, ready: Ready) -> None:
        self.output_size: int | None = ready.output_size
        self.signature = ready.signature
        self.parameters = ready.parameters
        self.output_type = np.dtype(ready.dtype)
        shape = ready.x.type.shape
        self.event_dims = len(shape)
        self.input_size = shape[0] if shape else None
        self.indices = ready.indices
        self.input_type = self.output_type if shape else np.dtype(np.int64)
        self.slots: Mapping[str, Slot] = {
            given.name: Slot(given.type.shape, self.output_type) for given in ready.states
        }
        self._equations = ready.equations
        self._row = tuple(_start_of(ready, given.name, given.type.shape) for given in ready.states)
        self._plan, self._weights = _prepare(ready)

    def check_streamable(self) -> None:
        """Every program steps."""

    def equations(self) -> Mapping[str, str]:
        """What each kind of cell computes, by its name."""
        return self._equations

    def start(self, batch: int) -> State:
        """H_0."""
        return tuple(np.repeat(row, batch, axis=0) for row in self._row)

    def step(self, state: State, x: Array) -> tuple[Array, State]:
        """One event a row."""
        y, after = self.run(x[:, None], state, None, None)
        return y[:, 0], after

    def run(
        self, x: Array, state: State, lengths: Array | None, reset: Array | None
    ) -> tuple[Array, State]:
        """Whole sequences."""
        rows, time = x.shape[:2]
        starts = () if reset is None else self.start(rows)
        events = np.ascontiguousarray(self.as_floats(x))
        ys, finals = self._weights.run(rows, time, [events], state, starts, lengths, reset)
        return ys[0], tuple(finals)

    def as_floats(self, x: Array) -> Array:
        """Events (..., feature) as the plan takes them: an index by its 8 bytes."""
        return x if self.event_dims else x[..., None].view(self.output_type)

    def take(self, arrays: Mapping[str, Array]) -> State:
        """The state that holds copies of these arrays."""
        return tuple(self._flat(arrays[name]) for name in self.slots)

    def _flat(self, array: Array) -> Array:
        return np.array(array, self.output_type, order="C").reshape(len(array), -1)

    def give(self, state: State) -> dict[str, Array]:
        """Copies of the arrays that a state holds."""
        return {
            name: flat.reshape(len(flat), *slot.shape).copy()
            for (name, slot), flat in zip(self.slots.items(), state, strict=True)
        }

    def stepper(self) -> Stepper:
        """A state of one row at H_0, to be moved on."""
        native = _STEPPERS[self.output_type.name](self._plan, self._weights, 1)
        return _FeatureStepper(self, native) if self.event_dims else _IndexStepper(self, native)

    def keyed_stepper(self, rows: int) -> KeyedStepper:
        """What steps so many keys side by side."""
        native = _KEYED_STEPPERS[self.output_type.name](self._plan, self._weights, rows)
        return native if self.event_dims else _KeyedIndexStepper(self, native)


class _KeyedIndexStepper:
    """Takes indices by their bytes."""

    def __init__(self, engine: NativeEngine, native: Any) -> None:
        self._engine = engine
        self._native = native

    def step(self, table: Any, xs: Array, only_finite: bool, now: int) -> Array:
        return self._native.step(table, self._engine.as_floats(xs), only_finite, now)  # type: ignore[no-any-return]


class _FeatureStepper:
    """A state in the native engine's memory; `step` is the native function itself."""

    def __init__(self, engine: NativeEngine, native: Any) -> None:
        self.step = native.step
        self._engine = engine
        self._slots = [native.state(k) for k in range(len(engine.slots))]
        self.reset()

    def run(self, xs: Array) -> Array:
        y, after = self._engine.run(xs[None], tuple(self._slots), None, None)
        self._put(after)
        return y[0]  # type: ignore[no-any-return]

    def peek(self, x: Array) -> Array:
        return self._engine.step(tuple(self._slots), x[None])[0][0]  # type: ignore[no-any-return]

    def take(self, arrays: Mapping[str, Array]) -> None:
        self._put(self._engine.take({name: array[None] for name, array in arrays.items()}))

    def give(self) -> dict[str, Array]:
        given = self._engine.give(tuple(self._slots))
        return {name: array[0] for name, array in given.items()}

    def reset(self) -> None:
        self._put(self._engine.start(1))

    def _put(self, state: State) -> None:
        for slot, array in zip(self._slots, state, strict=True):
            slot[:] = array


class _IndexStepper(_FeatureStepper):
    """The same where an event is one index."""

    def __init__(self, engine: NativeEngine, native: Any) -> None:
        super().__init__(engine, native)
        self._native_step = native.step
        self._count = math.inf if engine.indices is None else engine.indices
        self.step = self._step

    def _step(self, x: Array) -> Array | None:
        if type(x) is not np.ndarray or x.shape or x.dtype != np.int64:
            return None
        if not 0 <= x < self._count:
            return None
        return self._native_step(self._engine.as_floats(x))  # type: ignore[no-any-return]


def _start_of(ready: Ready, name: str, shape: tuple[int, ...]) -> Array:
    """H_0 of a slot for one row."""
    row = ready.start[name] if name in ready.start else np.zeros(shape, ready.dtype)
    return row.reshape(1, -1).copy()  # what was read is let go


def _prepare(ready: Ready) -> tuple[Any, Any]:
    """The plan, and the weights packed for it."""
    once, step = split_once(simplify(ready.program))
    weights = dict(ready.weights)
    if once is not None:
        weights.update(_compute(once, weights, ready.dtype))
    step = prepare(step)
    plan, _ = make_plan(step, ready.dtype)
    taken = [weights[given.name].ravel() for given in step.inputs if given.role == "weight"]
    return plan, _WEIGHTS[ready.dtype](plan, taken)


def _compute(once: Program, weights: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """What depends on weights only: one step of one row, with the weights for x."""
    plan, _ = make_plan(one_head_each(once), dtype)
    xs = [weights[given.name].reshape(1, 1, -1) for given in once.inputs]
    ys, _ = _WEIGHTS[dtype](plan, []).run(1, 1, xs, (), (), None, None)
    names = [output.name for output in once.outputs]
    return {name: y[0, 0] for name, y in zip(names, ys, strict=True)}
