"""Which calls the native engine takes, and what becomes of those it does not."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from recurra.engine.memory import program_of
from recurra.engine.plans import Refusal, is_plain
from recurra.layers import Layer
from recurra.layers.scan import autocasts, real_steps

__all__ = ["TYPES", "refusal_of_call", "refusal_of_index", "refuse"]

TYPES = {torch.float32: "float32", torch.float64: "float64"}


def refusal_of_call(x: Tensor, tensors: Sequence[Tensor]) -> str | None:
    """Why a call on these tensors cannot run natively; None if it can.

    Args:
        x: as the layer was given it.
        tensors: the state, the weights and whatever else is of the weights' type.

    >>> refusal_of_call(torch.zeros(1, 2, 3).half(), [])
    'the call is in torch.float16, not float32 or float64.'
    """
    if _is_usual(x, tensors):
        return None
    floats = [x, *tensors] if x.is_floating_point() else tensors
    types = {t.dtype for t in floats}
    if len(types) > 1 or not types <= TYPES.keys():
        named = " and ".join(sorted(str(each) for each in types))
        return f"the call is in {named}, not float32 or float64."
    if any(t.device.type != "cpu" for t in (x, *tensors)):
        return "not all tensors are on the CPU."
    if autocasts(x):
        return "torch.autocast is on."
    if torch.compiler.is_compiling():
        return None
    if not all(map(is_plain, (x, *tensors))):
        return "not all tensors are plain ones."
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return "torch.func or forward-mode differentiation transforms the call."
    if torch._C._get_tracing_state() is not None:
        return "torch.jit traces the call."
    return None


def _is_usual(x: Tensor, tensors: Sequence[Tensor]) -> bool:
    """Whether nothing at all speaks against a call; far more often than not, and so asked first."""
    if torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return False
    if torch._C._get_tracing_state() is not None:
        return False
    dtype = x.dtype if x.is_floating_point() or not tensors else tensors[0].dtype
    if dtype not in TYPES and (tensors or x.is_floating_point()):
        return False
    for each in tensors:
        if each.dtype is not dtype or not each.is_cpu or not is_plain(each):
            return False
    return x.is_cpu and is_plain(x)


def refusal_of_index(layer: Layer, x: Tensor, text: str, lengths: Tensor | None) -> str | None:
    """Torch raises for an index that is in no table, and a program does not."""
    if layer.event_dims or torch.compiler.is_compiling():
        return None
    program = program_of(text)
    sizes = [each.attributes["size"] for each in program.instructions if each.op == "one_hot"]
    wrong = (x < 0) | (x >= min(sizes, default=0))
    if lengths is not None:
        wrong &= real_steps(lengths, x.shape[1])
    return "an index is in no table." if bool(wrong.any()) else None


def refuse(layer: Layer, refusal: Refusal) -> None:
    """Raise where the layer was told to run natively; warn once where torch takes over."""
    if layer._engine == "native" and refusal.kind != "parts":
        raise refusal.error(
            f"{layer.signature()}: the native engine cannot run it: {refusal.why} "
            f'Use layer.use_engine("auto").'
        )
    if refusal.kind != "trace" or layer._native.get("warned"):
        return
    for part in layer.modules():
        if isinstance(part, Layer):
            part._native["warned"] = True
    warnings.warn(
        f"{layer.signature()} runs step by step in torch, not on the native engine: "
        f'{refusal.why} layer.use_engine("torch") says that this is meant.',
        stacklevel=_level_of_caller(),
    )


def _package(names: Mapping[str, Any]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]


def _level_of_caller() -> int:
    """How far up the first function is that is neither ours nor torch's, from who asks."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and _package(frame.f_globals) in ("recurra", "torch"):
        frame, level = frame.f_back, level + 1
    return level
