"""JAX: lax.scan over time, jitted, the products with x made beforehand for all times at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs, draw_weights
from benchmarks.peers.job import Answer, Job, NotSupportedError

__all__ = ["make", "versions"]

# A thread of JAX's own to hand work to gains nothing where there is one processor.
jax.config.update("jax_cpu_enable_async_dispatch", False)

Weights = dict[str, Any]


def versions() -> dict[str, str]:
    return {"jax": jax.__version__}


def make(case: Case) -> Job:
    if case.mode in ("step", "keyed") or case.resets or case.ragged:
        raise NotSupportedError(f"the scan is for whole sequences, not for {case}")
    weights = {name: jnp.asarray(value) for name, value in draw_weights(case).items()}
    # The products want weights (inputs, outputs), which XLA does not lay out so by itself.
    weights |= {"W": jnp.array(weights["W"].T), "R": jnp.array(weights["R"].T)}
    inputs = draw_inputs(case)
    x = jnp.asarray(inputs.x.transpose(1, 0, 2))
    y_grad = jnp.asarray(inputs.y_grad.transpose(1, 0, 2))

    def forward(weights: Weights, x: Any) -> Any:
        return _forward(case.kind, weights, x)

    def training(weights: Weights, x: Any, y_grad: Any) -> Any:
        y, pull = jax.vjp(forward, weights, x)
        return y, *pull(y_grad)

    if case.mode == "forward":
        compiled = jax.jit(forward).lower(weights, x).compile()
        return Job(
            lambda: jax.block_until_ready(compiled(weights, x)),
            lambda: {"y": _batch_first(compiled(weights, x))},
        )
    trained = jax.jit(training).lower(weights, x, y_grad).compile()

    def answer() -> Answer:
        y, dweights, dx = trained(weights, x, y_grad)
        grads = {f"d{name}": np.asarray(value) for name, value in dweights.items()}
        grads |= {"dW": grads["dW"].T, "dR": grads["dR"].T}
        return {"y": _batch_first(y), "dx": _batch_first(dx), **grads}

    return Job(lambda: jax.block_until_ready(trained(weights, x, y_grad)), answer)


def _batch_first(values: Any) -> Any:
    return np.asarray(values).transpose(1, 0, 2)


def _forward(kind: str, weights: Weights, x: Any) -> Any:
    """x (time, batch, size) to y (time, batch, size)."""
    drive = x @ weights["W"] + weights.get("b", 0.0)
    if kind == "layer-norm lstm":
        drive = _norm(drive, weights, "x")
    zeros = jnp.zeros(x.shape[1:])
    if kind in ONE_SLOT:

        def step_one(h: Any, drive_t: Any) -> Any:
            h = ONE_SLOT[kind](weights, h, drive_t)
            return h, h

        return lax.scan(step_one, zeros, drive)[1]

    def step_two(state: Any, drive_t: Any) -> Any:
        h, c = TWO_SLOTS[kind](weights, *state, drive_t)
        return (h, c), h

    return lax.scan(step_two, (zeros, zeros), drive)[1]


def _norm(values: Any, weights: Weights, norm: str) -> Any:
    centred = values - values.mean(-1, keepdims=True)
    scale = lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return centred * scale * weights[f"gain_{norm}"] + weights[f"bias_{norm}"]


def _elman(weights: Weights, h: Any, drive: Any) -> Any:
    return jnp.tanh(drive + h @ weights["R"])


def _gru(weights: Weights, h: Any, drive: Any) -> Any:
    dr, dz, dn = jnp.split(drive, 3, -1)
    hr, hz, hn = jnp.split(h @ weights["R"], 3, -1)
    r, z = jax.nn.sigmoid(dr + hr), jax.nn.sigmoid(dz + hz)
    n = jnp.tanh(dn + r * (hn + weights["b_h"]))
    return (1 - z) * n + z * h


def _ligru(weights: Weights, h: Any, drive: Any) -> Any:
    z, n = jnp.split(drive + h @ weights["R"], 2, -1)
    z = jax.nn.sigmoid(z)
    return z * h + (1 - z) * jax.nn.relu(n)


def _lstm(weights: Weights, h: Any, c: Any, drive: Any) -> Any:
    i, f, u, o = jnp.split(drive + h @ weights["R"], 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _layer_norm_lstm(weights: Weights, h: Any, c: Any, drive: Any) -> Any:
    recalled = _norm(h @ weights["R"], weights, "h")
    i, f, u, o = jnp.split(drive + recalled, 4, -1)
    c = _norm(jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u), weights, "c")
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _peephole(weights: Weights, h: Any, c: Any, drive: Any) -> Any:
    i, f, u, o = jnp.split(drive + h @ weights["R"], 4, -1)
    forget = jax.nn.sigmoid(f + weights["p_f"] * c)
    c = forget * c + jax.nn.sigmoid(i + weights["p_i"] * c) * jnp.tanh(u)
    return jax.nn.sigmoid(o + weights["p_o"] * c) * jnp.tanh(c), c


ONE_SLOT: dict[str, Callable[..., Any]] = {"gru": _gru, "elman": _elman, "ligru": _ligru}
TWO_SLOTS: dict[str, Callable[..., Any]] = {
    "lstm": _lstm,
    "layer-norm lstm": _layer_norm_lstm,
    "peephole lstm": _peephole,
}
