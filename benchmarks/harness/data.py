"""The same weights and inputs for every peer, drawn from a case alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.case import GATES, Case

__all__ = ["Array", "Inputs", "draw_inputs", "draw_weights"]

Array = NDArray[Any]

STEPS = 5  # events a step case is checked on


class Inputs(NamedTuple):
    """What a case is run on; a step case is checked on a few events, and timed on the first.

    A keyed case takes the first times of x turn by turn.
    """

    x: Array  # (batch, time, size)
    y_grad: Array  # (batch, time, size)  the loss is the sum of y * y_grad
    lengths: Array | None  # (batch,)
    reset: Array | None  # (batch, time) of booleans


def draw_weights(case: Case) -> dict[str, Array]:
    """Weights by their letters, gates in torch's order.

    W and R are (gates * size, size), b is (gates * size,). A GRU also has b_h, the bias inside its
    reset; a peephole LSTM p_i, p_f, p_o; a layer-norm LSTM a gain and a bias for each of its
    norms in place of b.
    """
    rng = np.random.default_rng(case.size)
    n, rows = case.size, GATES[case.kind] * case.size

    def uniform(*shape: int) -> Array:
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(n**0.5)

    weights = {"W": uniform(rows, n), "R": uniform(rows, n), "b": uniform(rows)}
    if case.kind == "gru":
        weights["b_h"] = uniform(n)
    elif case.kind == "peephole lstm":
        weights |= {"p_i": uniform(n), "p_f": uniform(n), "p_o": uniform(n)}
    elif case.kind == "layer-norm lstm":
        del weights["b"]
        for norm, width in {"x": rows, "h": rows, "c": n}.items():
            # Below 1: from there on rounding grows from step to step, and nobody can be compared.
            weights[f"gain_{norm}"] = np.float32(0.5) + uniform(width)
            weights[f"bias_{norm}"] = uniform(width)
    return weights


def draw_inputs(case: Case) -> Inputs:
    rng = np.random.default_rng(case.batch + case.time)
    time = STEPS if case.mode in ("step", "keyed") else case.time
    shape = (case.batch, time, case.size)
    x = rng.standard_normal(shape, np.float32)
    y_grad = rng.standard_normal(shape, np.float32)
    lengths = rng.integers(1, case.time + 1, case.batch) if case.ragged else None
    reset = rng.random(shape[:2]) < case.resets if case.resets else None
    return Inputs(x, y_grad, lengths, reset)
