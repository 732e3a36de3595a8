"""From torch layers to a model that runs without torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recurra.cells.state import named_slots
from recurra.compiler.tracing import trace
from recurra.engine import Array, Engine
from recurra.engine.eager import EagerEngine
from recurra.engine.ready import Ready
from recurra.engine.runtime import NativeEngine
from recurra.errors import RecurraError, TraceError

__all__ = ["freeze"]

_CLOSE = 1e-3  # of the largest number; a program that is wrong is off by more
_TYPES = {"float32": torch.float32, "float64": torch.float64}


def freeze(engine: EagerEngine, dtype: str) -> tuple[Ready | None, str]:
    """The layers of an engine as a model with torch gone.

    Args:
        engine: with the layers in evaluation mode.
        dtype: the floating type of their weights, such as "float32".

    Returns:
        The model, or None and why there is none: the layers cannot be traced, the native engine
        cannot run what they do, or it answers otherwise than they do.
    """
    try:
        ready = _trace(engine, dtype)
        _check(NativeEngine(ready), engine)
    except RecurraError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - a cell of a user's own may do anything when traced
        return None, f"{type(error).__name__} while it was traced: {error}"
    return ready, ""


def _trace(engine: EagerEngine, dtype: str) -> Ready:
    if dtype not in _TYPES:
        raise TraceError(f"its type is {dtype}, and the native engine has {', '.join(_TYPES)}.")
    traced = trace(engine.layers)
    if traced.draws:
        raise TraceError("it draws random numbers in evaluation mode too.")
    kept = engine.layers.state_dict()
    slots = named_slots(engine.layers.initial_state(1))
    for name, slot in slots.items():
        if slot.dtype != _TYPES[dtype]:
            raise TraceError(f"its state has {name} of {slot.dtype}, not of {dtype}.")
    return Ready(
        program=traced.program,
        dtype=dtype,
        weights={name: _array(weight, dtype) for name, weight in traced.weights.items()},
        constants=tuple(
            name
            for name, weight in traced.weights.items()
            if name not in kept or weight.dtype != _TYPES[dtype]
        ),
        start={name: _array(slot[0], dtype) for name, slot in slots.items() if _says_more(slot)},
        signature=engine.signature,
        equations=engine.equations(),
        parameters=engine.parameters,
    )


def _check(ours: NativeEngine, theirs: EagerEngine) -> None:
    """Hold both against each other, on a few events."""
    shape = (2, 3) if ours.input_size is None else (2, 3, ours.input_size)
    draw = np.random.default_rng(0)
    if ours.event_dims:
        x = draw.normal(size=shape).astype(ours.input_type)
    else:
        x = draw.integers(ours.indices or 1, size=shape)
    for got, wanted in zip(_all(ours, x), _all(theirs, x), strict=True):
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        if not np.allclose(got, wanted, rtol=_CLOSE, atol=_CLOSE * largest, equal_nan=True):
            raise TraceError("what was traced of it answers otherwise than torch.")


def _all(engine: Engine, x: Array) -> list[Array]:
    """All answers, and the state after them."""
    y, state = engine.run(x, engine.start(len(x)), None, None)
    return [y, *engine.give(state).values()]


def _says_more(start: Tensor) -> bool:
    """Whether an H_0 is not just zeros."""
    return bool((start != 0).any() or start.signbit().any())


def _array(tensor: Tensor, dtype: str) -> Array:
    array: Array = tensor.detach().to(_TYPES[dtype]).contiguous().numpy()
    return array
