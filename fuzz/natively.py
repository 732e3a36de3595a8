"""Runs a program on the native engine, forward and backward, on arrays with nothing to spare."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.drawing import drawn
from recurra.engine.native import Call, Compiled, Gradients, Strided
from recurra.errors import PlanError
from recurra.program import Program

Array = np.ndarray[Any, Any]


def run_natively(program: Program, random: np.random.Generator) -> None:
    """In both types, whole and each row by itself; the answers must be the same numbers."""
    for dtype in ("float32", "float64"):
        try:
            compiled = Compiled(program, dtype)
        except PlanError:
            continue
        given = Given(compiled, random)
        whole = given.forward(slice(None))
        for row in range(given.rows):
            alone = given.forward(slice(row, row + 1))
            for both, one in zip(whole, alone, strict=True):
                np.testing.assert_array_equal(both[row : row + 1], one)
        given.backward()


class Given:
    """What one run over sequences is given, drawn at random."""

    def __init__(self, compiled: Compiled, random: np.random.Generator) -> None:
        self.compiled = compiled
        self.rows, self.time = (int(each) for each in random.integers(1, 5, 2))
        types = compiled.program.types()
        self.answers = [types[output.value].shape for output in compiled.ys]

        def draw(inputs: Any, *leading: int) -> list[Array]:
            return [self.array(drawn(each.type, leading, random)) for each in inputs]

        over_time = (self.rows, self.time)
        self.xs, self.draws = draw(compiled.xs, *over_time), draw(compiled.draws, *over_time)
        self.states, self.starts = (draw(compiled.states, self.rows) for _ in range(2))
        self.weights = draw(compiled.weights)
        self.lengths = (
            random.integers(0, self.time + 1, self.rows) if random.random() < 0.5 else None
        )
        self.reset = random.random(over_time) < 0.3 if random.random() < 0.5 else None
        self.backwards = bool(random.random() < 0.3)

    def array(self, values: Any) -> Array:
        """In the type that the engine computes in; each index stays a whole number."""
        values = np.asarray(values)
        wanted = self.compiled.dtype if values.dtype == np.float64 else values.dtype
        with np.errstate(over="ignore", under="ignore"):
            return np.ascontiguousarray(values, dtype=wanted)

    def empty(self, *shape: int) -> Array:
        return np.full(shape, np.nan, self.compiled.dtype)

    def call(self, rows: slice, ys: list[Array], finals: list[Array], residuals: int) -> Call:
        chosen = range(self.rows)[rows]

        def of_rows(arrays: list[Array]) -> list[Array]:
            return [array[rows] for array in arrays]

        return Call(
            batch=len(chosen),
            time=self.time,
            xs=[strided(x) for x in of_rows(self.xs)],
            draws=[strided(draw) for draw in of_rows(self.draws)],
            states=[address(state) for state in of_rows(self.states)],
            weights=[address(weight) for weight in self.weights],
            ys=[strided(y) for y in ys],
            finals=[address(final) for final in finals],
            starts=None if self.reset is None else [address(s) for s in of_rows(self.starts)],
            lengths=0 if self.lengths is None else address(self.lengths[rows]),
            reset=0 if self.reset is None else address(self.reset[rows]),
            residuals=residuals,
            backwards=self.backwards,
        )

    def outputs(self, rows: slice) -> tuple[list[Array], list[Array]]:
        count = len(range(self.rows)[rows])
        ys = [self.empty(count, self.time, *shape) for shape in self.answers]
        return ys, [self.empty(count, *each.type.shape) for each in self.compiled.states]

    def forward(self, rows: slice) -> list[Array]:
        ys, finals = self.outputs(rows)
        self.compiled.forward(self.call(rows, ys, finals, residuals=0))
        return [*ys, *finals]

    def backward(self) -> None:
        """With all gradients given and all wanted."""
        ys, finals = self.outputs(slice(None))
        residuals = np.zeros(self.compiled.residual_bytes(self.rows, self.time), np.uint8)
        y_grads, final_grads = ([np.ones_like(array) for array in each] for each in (ys, finals))
        call = self.call(slice(None), ys, finals, address(residuals))
        self.compiled.forward(call)
        x_grads, weight_grads, state_grads, start_grads = (
            [np.empty_like(array) for array in arrays]
            for arrays in (self.xs, self.weights, self.states, self.starts)
        )
        gradients = Gradients(
            y_grads=[strided(y) for y in y_grads],
            final_grads=[address(final) for final in final_grads],
            x_grads=[strided(x) if x.dtype == self.compiled.dtype else None for x in x_grads],
            weight_grads=[address(weight) for weight in weight_grads],
            state_grads=[address(state) for state in state_grads],
            start_grads=[] if self.reset is None else [address(start) for start in start_grads],
        )
        self.compiled.backward(call, gradients)


def address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def strided(array: Array) -> Strided:
    row, time = (stride // array.itemsize for stride in array.strides[:2])
    return address(array), row, time
