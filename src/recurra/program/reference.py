"""What programs mean: plain numpy in float64, one op after the other.

Slow and simple on purpose: every faster way to run a program has to agree with this one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from recurra.errors import ProgramError
from recurra.program.ops import OPS, Array
from recurra.program.program import Input, OutputRole, Program

__all__ = ["Values", "evaluate", "run_sequence"]

Values = Mapping[str, ArrayLike]
Outputs = dict[tuple[OutputRole, str], Array]


def evaluate(program: Program, *, weights: Values | None = None, **rows: Values) -> Outputs:
    """One step of a program, for any number of rows.

    Args:
        program: a valid program.
        weights: by name, without an axis of rows: they are the same for all.
        rows: the inputs of every other role, as ``x={...}, state={...}``: by name, with a leading
            axis of rows.

    Returns:
        Every output by (role, name), with the axis of rows.

    Raises:
        ProgramError: an input is missing or has another shape.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, w = b.input("x", "x", (2,)), b.input("w", "weight", (1, 2))
    >>> b.output("y", "y", b.op("matvec", w, x, transposed=False))
    >>> evaluate(b.program(), x={"x": [[1, 2], [3, 4]]}, weights={"w": [[10, 1]]})["y", "y"]
    array([[12.],
           [34.]])
    """
    given = {"weight": weights or {}, **rows}
    values = [_take(each, given) for each in program.inputs]
    count = _count_rows(program, values)
    with np.errstate(all="ignore"):  # NaN and infinity are values like others here
        for op, inputs, attributes in program.instructions:
            values.append(OPS[op].meaning([values[k] for k in inputs], attributes))
    return {
        (role, name): np.broadcast_to(values[k], (count, *values[k].shape[1:]))
        for name, role, k in program.outputs
    }


_NUMPY: dict[str, type] = {"float": np.float64, "bool": np.bool_, "index": np.int64}


def _take(each: Input, given: Mapping[str, Values]) -> Array:
    name, role, (kind, shape) = each
    if name not in given.get(role, {}):
        raise ProgramError(f"evaluate: {role} {name!r} is missing.")
    array: Array = np.asarray(given[role][name], dtype=_NUMPY[kind])
    if role == "weight":
        array = array[None]
    if array.shape[1:] != shape:
        raise ProgramError(
            f"evaluate: {role} {name!r} has shape {array.shape}, expected (rows, "
            f"{', '.join(map(str, shape))})."
        )
    return array


def _count_rows(program: Program, values: list[Array]) -> int:
    counts = {
        len(value)
        for value, each in zip(values, program.inputs, strict=True)
        if each.role != "weight"
    }
    if len(counts) > 1:
        raise ProgramError(f"evaluate: the inputs have {sorted(counts)} rows, expected one number.")
    return counts.pop() if counts else 1


def run_sequence(
    program: Program,
    x: Values,
    state: Values,
    weights: Values,
    *,
    draws: Values | None = None,
    lengths: ArrayLike | None = None,
    reset: ArrayLike | None = None,
    start: Values | None = None,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """A program over sequences, step by step.

    Args:
        program: a valid program.
        x: by name, (rows, time, ...).
        state: before the first step, by name, (rows, ...).
        weights: by name.
        draws: by name, (rows, time, ...), or (rows, ...) for numbers that all steps share.
        lengths: (rows,), the real steps of each; later ones answer zeros and leave the state.
        reset: (rows, time) of booleans; where true the state is `start` before that step.
        start: H_0, by name, (rows, ...); needed with `reset`.

    Returns:
        The answers by name, (rows, time, ...), and the state after each row's last real step.
    """
    xs = {name: np.asarray(values) for name, values in x.items()}
    rows, time = next(iter(xs.values())).shape[:2]
    steps = np.full(rows, time) if lengths is None else np.asarray(lengths)
    flags = np.zeros((rows, time), bool) if reset is None else np.asarray(reset)
    now = {name: np.asarray(value, dtype=np.float64) for name, value in state.items()}
    drawn = _over_time(program, draws or {}, time)
    answers: dict[str, list[Array]] = {o.name: [] for o in program.outputs if o.role == "y"}
    for t in range(time):
        real = t < steps
        if flags[:, t].any():
            fresh = {name: np.asarray((start or {})[name], dtype=np.float64) for name in now}
            now = _choose(flags[:, t] & real, fresh, now)
        found = evaluate(
            program,
            x={name: values[:, t] for name, values in xs.items()},
            draw={name: values[:, t] for name, values in drawn.items()},
            state=now,
            weights=weights,
        )
        for name, collected in answers.items():
            collected.append(_rows(real, found["y", name], 0.0))
        now = _choose(real, {name: found["state", name] for name in now}, now)
    return {name: np.stack(each, axis=1) for name, each in answers.items()}, now


def _over_time(program: Program, draws: Values, time: int) -> dict[str, Array]:
    """Draws with an axis of time; those of a whole sequence are the same at every step."""
    ranks = {each.name: len(each.type.shape) for each in program.inputs if each.role == "draw"}
    found = {name: np.asarray(values) for name, values in draws.items()}
    return {
        name: values if values.ndim > 1 + ranks[name] else np.repeat(values[:, None], time, axis=1)
        for name, values in found.items()
    }


def _choose(mask: Array, chosen: dict[str, Array], other: dict[str, Array]) -> dict[str, Array]:
    return {name: _rows(mask, chosen[name], other[name]) for name in other}


def _rows(mask: Array, chosen: Array, other: Array | float) -> Array:
    result: Array = np.where(mask.reshape(-1, *([1] * (chosen.ndim - 1))), chosen, other)
    return result
