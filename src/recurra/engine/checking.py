"""Whether a program answers as its layer does: one step of both, and the gradients of both.

A program is read off what torch runs forwards. What a cell does to gradients alone (``detach``,
``torch.no_grad``, an ``autograd.Function`` of its own) leaves no trace there, so that a program
which is right in its answers may be wrong in its gradients; this finds out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.cells.state import map_state, named_slots
from recurra.compiler.swapping import swapped
from recurra.engine.replay import replay_step
from recurra.layers import Layer
from recurra.program import Program

__all__ = ["difference"]

_ROWS = 2
_CLOSE = {torch.float32: 1e-3, torch.float64: 1e-9}  # of the largest number beside it


def difference(
    layer: Layer,
    program: Program,
    constants: Mapping[str, Tensor],
    features: int,
    dtype: torch.dtype,
) -> str | None:
    """What a program without draws does otherwise than its layer, or None.

    Args:
        layer: as it was traced.
        program: a step of it, with the slots of its state in order.
        constants: the weights that are not the layer's own, by name.
        features: of x.
        dtype: of x.

    Raises:
        Exception: whatever the layer raises when it is run.
    """
    weights = {
        **{n: t.detach().requires_grad_() for n, t in layer.named_parameters()},
        **{n: t.detach().clone() for n, t in layer.named_buffers()},
    }
    state = map_state(_near, layer.initial_state(_ROWS))
    x = _some_x(layer, program, features, dtype)
    with torch.enable_grad():
        with swapped(layer, weights):
            y, after = layer.run_step(state, x)
        known = {"x": x, **named_slots(state), **constants, **weights}
        given = [known[each.name] for each in program.inputs]
        like = next((t for t in given if t.is_floating_point()), y)
        given = [t.to(like.dtype) if t.dtype is not torch.long else t for t in given]
        found = replay_step(program, given, like)
        wanted = [y, *named_slots(after).values()]
        if not all(map(_close, found, wanted)):
            return "its program answers otherwise than torch"
        inputs = [
            t for t in (x, *named_slots(state).values(), *weights.values()) if t.requires_grad
        ]
        if not all(map(_close, _gradients(found, inputs), _gradients(wanted, inputs))):
            return "it changes its gradients on their way back, which no program says"
    return None


def _near(slot: Tensor) -> Tensor:
    """A state close to H_0 in which no two numbers are equal."""
    if not slot.is_floating_point():
        return slot
    return (slot.detach() + torch.randn_like(slot)).requires_grad_()


def _some_x(layer: Layer, program: Program, features: int, dtype: torch.dtype) -> Tensor:
    if layer.event_dims:
        return torch.randn(_ROWS, features, dtype=dtype, requires_grad=True)
    sizes = [each.attributes["size"] for each in program.instructions if each.op == "one_hot"]
    return torch.randint(min(sizes, default=1), (_ROWS,))


def _gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> Sequence[Any]:
    """Of one sum of all outputs, each number with a weight of its own."""
    parts = [(out * _uneven(out)).sum() for out in outputs if out.requires_grad]
    if not parts or not inputs:
        return []
    total = torch.stack(parts).sum()
    return torch.autograd.grad(
        total, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def _uneven(like: Tensor) -> Tensor:
    numbers = torch.linspace(0.5, 1.5, like.numel(), dtype=like.dtype, device=like.device)
    return numbers.reshape(like.shape)


def _close(one: Tensor, other: Tensor) -> bool:
    size = other.detach().abs().nan_to_num(0, 0, 0).max().item() if other.numel() else 0.0
    close = _CLOSE.get(other.dtype, 0.1)
    return torch.allclose(
        one.detach().to(other.dtype), other.detach(), rtol=close, atol=close * size, equal_nan=True
    )
