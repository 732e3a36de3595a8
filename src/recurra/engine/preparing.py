"""From torch layers to a model that runs without torch."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells.state import named_slots
from recurra.compiler.tracing import trace
from recurra.engine import Array
from recurra.engine.eager import EagerEngine
from recurra.engine.ready import Ready
from recurra.engine.running import NativeEngine
from recurra.errors import RecurraError, TraceError

__all__ = ["prepare"]

_TYPES = {"float32": torch.float32, "float64": torch.float64}


def prepare(engine: EagerEngine, dtype: str) -> tuple[Ready | None, str]:
    """The layers of an engine as a model with torch gone.

    Args:
        engine: with the layers in evaluation mode.
        dtype: the floating type of their weights, such as "float32".

    Returns:
        The model, or None and why there is none: the layers cannot be traced, or the native
        engine cannot run what they do.
    """
    try:
        ready = _trace(engine, dtype)
        NativeEngine(ready)
    except RecurraError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001: a cell of a user's own may do anything when traced
        return None, f"{type(error).__name__} while it was traced: {error}"
    return ready, ""


def _trace(engine: EagerEngine, dtype: str) -> Ready:
    if dtype not in _TYPES:
        raise TraceError(f"its type is {dtype}, and the native engine has {', '.join(_TYPES)}.")
    program, weights = trace(engine.layers)
    kept = engine.layers.state_dict()
    for name, tensor in weights.items():
        _check_type(name, tensor, dtype)
        if name not in kept:
            raise TraceError(f"it uses the buffer {name}, which its state_dict leaves out.")
    slots = named_slots(engine.layers.initial_state(1))
    for name, slot in slots.items():
        _check_type(name, slot, dtype)
    start = {name: _array(slot[0]) for name, slot in slots.items() if _says_something(slot)}
    return Ready(
        program=program,
        dtype=dtype,
        weights={name: _array(tensor) for name, tensor in weights.items()},
        start=start,
        signature=engine.signature,
        equations=engine.equations(),
        parameters=engine.parameters,
    )


def _check_type(name: str, tensor: Tensor, dtype: str) -> None:
    if tensor.dtype != _TYPES[dtype]:
        raise TraceError(f"{name} is {tensor.dtype}, and the native engine runs in one type.")


def _says_something(slot: Tensor) -> bool:
    return bool((slot != 0).any() or slot.signbit().any())


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().contiguous().numpy()
    return array
