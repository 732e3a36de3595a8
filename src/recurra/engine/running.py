"""Layers on the native engine: which calls it takes, and how they are run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from recurra.cells.state import map_state, named_slots
from recurra.engine.memory import Run, program_of
from recurra.engine.plans import Plan, Refusal, plan_of
from recurra.engine.sequence import run_sequence
from recurra.errors import PlanError
from recurra.layers import Bidirectional, BidirectionalState, Layer, Recurrent
from recurra.layers.layer import Given
from recurra.layers.scan import Scan, autocasts, real_steps

__all__ = ["refusal_of_call", "run_layer", "step_layer"]

_TYPES = {torch.float32: "float32", torch.float64: "float64"}
_TENSORS = (Tensor, nn.Parameter)


def run_layer(layer: Layer, given: Given, start: Any) -> Scan | None:
    """A checked call of a layer on the native engine.

    Args:
        layer: any layer.
        given: as the layer's `run` takes it; what lies past the lengths is not looked at.
        start: H_0, for resets.

    Returns:
        None where torch has to run it.

    Raises:
        TraceError, PlanError: the layer is to run natively and cannot.
    """
    if isinstance(layer, Bidirectional):
        return _run_both_ways(layer, given, start)
    return _run_part(layer, layer, given, start, step=False)


def step_layer(layer: Layer, state: Any, x: Tensor) -> tuple[Tensor, Any] | None:
    """One event of a layer on the native engine; None where torch has to run it."""
    given = Given(x.unsqueeze(1), state, None, None, False)
    done = _run_part(layer, layer, given, None, step=True)
    return None if done is None else (done.y[:, 0], done.state)


def _run_both_ways(layer: Bidirectional, given: Given, start: Any) -> Scan | None:
    x, state, lengths, reset, keep_states = given
    there = _run_part(
        layer, _as_layer(layer, "forward_cell"), given._replace(state=state.forward), start.forward
    )
    if there is None:
        return None
    back = _run_part(
        layer,
        _as_layer(layer, "backward_cell"),
        given._replace(state=state.backward, reset=_starts_next(reset, lengths)),
        start.backward,
        backwards=True,
    )
    if back is None:
        return None
    y = torch.cat([there.y, back.y], -1) if layer.merge == "concat" else there.y + back.y
    states = BidirectionalState(there.states, back.states) if keep_states else None
    return Scan(y, BidirectionalState(there.state, back.state), states)


def _starts_next(reset: Tensor | None, lengths: Tensor | None) -> Tensor | None:
    """Where a new episode starts at the next time: there the reading from the end starts again."""
    if reset is None:
        return None
    if lengths is not None:
        reset = reset & real_steps(lengths, reset.shape[1])
    return torch.cat([reset[:, 1:], torch.zeros_like(reset[:, :1])], dim=1)


def _as_layer(layer: Bidirectional, name: str) -> Recurrent:
    """One direction's cell as a layer, the same one as long as the cell is the same."""
    made: dict[str, Recurrent] = layer._native.setdefault("directions", {})
    cell = getattr(layer, name)
    if name not in made or made[name].cell is not cell:
        made[name] = Recurrent(cell)
    return made[name]


def _run_part(
    owner: Layer,
    layer: Layer,
    given: Given,
    start: Any,
    *,
    step: bool = False,
    backwards: bool = False,
) -> Scan | None:
    x, state, lengths, reset, keep_states = given
    features = x.shape[-1] if layer.event_dims else None
    plan = _look_up(layer, features, keep_states, step)
    if isinstance(plan, Refusal):
        _refuse(owner, plan)
        return None
    text, paths = plan
    inputs = [x, *named_slots(state).values(), *(_at(layer, path) for path in paths)]
    starts = [] if reset is None else list(named_slots(start).values())
    why = refusal_of_call([*inputs, *starts], text, lengths)
    if why is not None:
        _refuse(owner, Refusal(why, "silent", PlanError))
        return None
    dtype = _TYPES[next(t.dtype for t in [*inputs, torch.zeros(())] if t.is_floating_point())]
    y, *rest = run_sequence(text, dtype, Run(inputs, starts, lengths, reset, backwards))
    count = len(named_slots(state)) if keep_states else 0
    finals = iter(rest[count:])
    after = map_state(lambda _: next(finals), state)
    if not keep_states:
        return Scan(y, after, None)
    every = iter(rest[:count])
    states = map_state(lambda final: _filled(next(every), final, lengths), after)
    return Scan(y, after, states)


def _filled(states: Tensor, final: Tensor, lengths: Tensor | None) -> Tensor:
    """A slot after every step; past a row's length it stays the last."""
    if lengths is None:
        return states
    real = real_steps(lengths, states.shape[1])
    return states.where(real.reshape(*real.shape, *([1] * (final.dim() - 1))), final.unsqueeze(1))


@torch._dynamo.assume_constant_result  # type: ignore[misc]
def _look_up(layer: Layer, features: int | None, keep_states: bool, step: bool) -> Plan | Refusal:
    return plan_of(layer, features, keep_states=keep_states, step=step)


def _at(layer: nn.Module, path: str) -> Tensor:
    found: Tensor = reduce(getattr, path.split("."), layer)  # type: ignore[assignment]
    return found


def _refuse(layer: Layer, refusal: Refusal) -> None:
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
        stacklevel=6,
    )


def refusal_of_call(tensors: Sequence[Tensor], text: str, lengths: Tensor | None) -> str | None:
    """Why a call on these tensors, the first of them x, cannot run natively; None if it can."""
    x = tensors[0]
    types = {t.dtype for t in tensors if t.is_floating_point()}
    if len(types) > 1 or not types <= _TYPES.keys():
        return (
            f"it computes in {' and '.join(sorted(map(str, types)))}, expected one of "
            "float32 and float64."
        )
    if any(t.device.type != "cpu" for t in tensors):
        return "not all tensors are on the CPU."
    if autocasts(x):
        return "torch.autocast is on."
    if torch.compiler.is_compiling():
        return None
    if any(type(t) not in _TENSORS or t.layout != torch.strided or t.is_neg() for t in tensors):
        return "not all tensors are plain ones."
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return "torch.func transforms the call."
    if torch.jit.is_tracing():
        return "torch.jit traces the call."
    if not x.is_floating_point() and _outside(x, text, lengths):
        return "an index is outside of its table."
    return None


def _outside(x: Tensor, text: str, lengths: Tensor | None) -> bool:
    program = program_of(text)
    sizes = [each.attributes["size"] for each in program.instructions if each.op == "one_hot"]
    wrong = (x < 0) | (x >= min(sizes, default=0))
    if lengths is not None:
        wrong &= real_steps(lengths, x.shape[1])
    return bool(wrong.any())
