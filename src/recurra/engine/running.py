"""Layers on the native engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.state import fill_state, named_slots
from recurra.compiler import Draw
from recurra.engine.calls import TYPES, refusal_of_call, refusal_of_index, refuse
from recurra.engine.memory import Run
from recurra.engine.plans import Plan, Refusal, Wanted, plan_of
from recurra.engine.sequence import run_sequence
from recurra.errors import PlanError
from recurra.layers import Bidirectional, BidirectionalState, Layer, Recurrent, Residual, Stack
from recurra.layers.layer import Given
from recurra.layers.scan import Scan, real_steps

__all__ = [
    "children_of",
    "direction_of",
    "directions_of",
    "look_up",
    "refusals_of",
    "run_layer",
    "starts_next",
    "step_layer",
    "usual",
]


def run_layer(layer: Layer, given: Given, start: Any) -> Scan | None:
    """A checked call of a layer on the native engine.

    Args:
        layer: any layer.
        given: as the layer's `run` takes it; what lies past the lengths is not looked at.
        start: H_0, for resets, and the structure of the state that comes back.

    Returns:
        None where torch has to run it.

    Raises:
        TraceError, PlanError: the layer is to run natively and cannot.
    """
    if isinstance(layer, Bidirectional):
        return _run_both_ways(layer, given, start)
    return _run_part(layer, given, start)


def step_layer(layer: Layer, state: Any, x: Tensor, start: Any) -> tuple[Tensor, Any] | None:
    """One event of a layer on the native engine; None where torch has to run it."""
    given = Given(x.unsqueeze(1), state, None, None, False)
    done = _run_part(layer, given, start, step=True)
    return None if done is None else (done.y[:, 0], done.state)


def _run_both_ways(layer: Bidirectional, given: Given, start: Any) -> Scan | None:
    _, state, lengths, reset, keep_states = given
    forwards = given._replace(state=state.forward)
    there = _run_part(layer, forwards, start.forward, direction="forward_cell")
    if there is None:
        return None
    backwards = given._replace(state=state.backward, reset=starts_next(reset, lengths))
    back = _run_part(layer, backwards, start.backward, direction="backward_cell")
    if back is None:
        return None
    y = torch.cat([there.y, back.y], -1) if layer.merge == "concat" else there.y + back.y
    states = BidirectionalState(there.states, back.states) if keep_states else None
    return Scan(y, BidirectionalState(there.state, back.state), states)


def starts_next(reset: Tensor | None, lengths: Tensor | None) -> Tensor | None:
    """Where a new episode starts at the next time: there the reading from the end starts again."""
    if reset is None:
        return None
    if lengths is not None:
        reset = reset & real_steps(lengths, reset.shape[1])
    return torch.cat([reset[:, 1:], torch.zeros_like(reset[:, :1])], dim=1)


def direction_of(layer: Layer, name: str) -> Recurrent:
    """One direction's cell as a layer, the same one as long as the cell is the same."""
    made: dict[str, Recurrent] = layer._native.setdefault("directions", {})
    cell = getattr(layer, name)
    if name not in made or made[name].cell is not cell:
        made[name] = Recurrent(cell)
    made[name].training = layer.training
    return made[name]


def directions_of(layer: Bidirectional) -> list[Recurrent]:
    """Both directions as layers."""
    return [direction_of(layer, name) for name in ("forward_cell", "backward_cell")]


def _run_part(
    layer: Layer, given: Given, start: Any, *, direction: str = "", step: bool = False
) -> Scan | None:
    """What one program does: a layer's, or that of one direction of a `Bidirectional`."""
    x, state, lengths, reset, keep_states = given
    if x.is_floating_point() != bool(layer.event_dims):
        return None
    slots = list(named_slots(state).values())
    starts = [] if reset is None else list(named_slots(start).values())
    why = refusal_of_call(x, [*slots, *starts])
    if why is not None:
        refuse(layer, Refusal(why, "silent", PlanError))
        return None
    wanted = Wanted(x.shape[-1] if layer.event_dims else 0, x.dtype, keep_states, step)
    where = Where(layer, direction)
    compiling = torch.compiler.is_compiling()
    made = None if compiling else plan_of(where.part(), wanted)
    plan = look_up(*where, *wanted, modes=_modes(layer)) if made is None else made.plan
    if isinstance(plan, Refusal):
        refuse(layer, plan)
        return None
    if not layer.event_dims:
        x = x.long()
    tensors = where.tensors(plan.own, wanted) if made is None else made.tensors()
    dtype, weights = _weights(plan, tensors, [x, *slots])
    why = refusal_of_call(x, [*slots[:1], *weights]) or refusal_of_index(
        layer, x, plan.text, lengths
    )
    if why is not None:
        refuse(layer, Refusal(why, "silent", PlanError))
        return None
    draws = [_drawn(x, shape, draw, dtype) for shape, draw in plan.draws]
    backwards = direction == "backward_cell"
    run = Run([x, *slots, *draws, *weights], starts, lengths, reset, backwards)
    y, *rest = run_sequence(plan.text, TYPES[dtype], run)
    return _as_scan(y, rest, start, given)


def _as_scan(y: Tensor, rest: Sequence[Tensor], like: Any, given: Given) -> Scan:
    """Answers in a program's order as a layer gives them, states in the structure of another."""
    if not given.keep_states:
        return Scan(y, fill_state(like, rest), None)
    count = len(named_slots(like))
    after = fill_state(like, rest[count:])
    every = zip(rest[:count], rest[count:], strict=True)
    states = [_filled(each, end, given.lengths) for each, end in every]
    return Scan(y, after, fill_state(after, states))


def _filled(states: Tensor, final: Tensor, lengths: Tensor | None) -> Tensor:
    """A slot after every step; past a row's length it stays the last."""
    if lengths is None:
        return states
    real = real_steps(lengths, states.shape[1])
    return states.where(real.reshape(*real.shape, *([1] * (final.dim() - 1))), final.unsqueeze(1))


def _modes(layer: Layer) -> tuple[bool, ...]:
    """A compiled graph looks out for what its code has read: here training or evaluation."""
    return tuple([part.training for part in layer.modules()])


class Where(NamedTuple):
    """A layer, or one direction of a `Bidirectional`."""

    layer: Layer
    direction: str = ""  # the name of the cell

    def part(self) -> Layer:
        """What is traced."""
        return direction_of(*self) if self.direction else self.layer

    def tensor(self, path: str) -> Tensor:
        """A weight by its path in what is traced."""
        first, *rest = path.split(".")
        found: Any = self.layer
        for name in (self.direction or first, *rest):  # a direction's part calls its cell "cell"
            found = getattr(found, name)
        return found  # type: ignore[no-any-return]

    def tensors(self, names: Iterable[str], wanted: Wanted) -> dict[str, Tensor]:
        """Weights and constants of a plan, as a compiled graph reads them."""
        return {
            name: _constant(*self, name, *wanted)
            if name.startswith("constant.")
            else self.tensor(name)
            for name in names
        }


def look_up(
    layer: Layer, direction: str, *wanted: Any, modes: tuple[bool, ...] = ()
) -> Plan | Refusal:
    """The program of a layer as it is now; the arguments are those of `Where` and `Wanted`.

    `modes` is for compiled graphs, which make another program where an argument has changed.
    """
    return plan_of(Where(layer, direction).part(), Wanted(*wanted)).plan


def _constant(layer: Layer, direction: str, name: str, *wanted: Any) -> Tensor:
    return plan_of(Where(layer, direction).part(), Wanted(*wanted)).constants[name]


# A compiled graph takes both as they are while it is made, from arguments that are constants.
# torch.compiler.assume_constant_result does no more than this, but loads the compiler.
for _function in (look_up, _constant):
    vars(_function)["_dynamo_marked_constant"] = True


def _weights(
    plan: Plan, found: dict[str, Tensor], others: Sequence[Tensor]
) -> tuple[torch.dtype, list[Tensor]]:
    """The type a plan computes in, and its weights, of the layer's tensors as they are now."""
    given = (*others, *found.values())
    dtype = next((each.dtype for each in given if each.is_floating_point()), torch.float32)
    for name, tensor in found.items():
        if not tensor.is_floating_point():
            found[name] = tensor.to(dtype)
    if plan.once:
        alone = [found[name].unsqueeze(0).unsqueeze(0) for name in plan.once_weights]
        made = run_sequence(plan.once, TYPES[dtype], Run(alone, [], None, None))
        found |= {f"once.{k}": each[0, 0] for k, each in enumerate(made)}
    return dtype, [found[name] for name in plan.weights]


def _drawn(x: Tensor, shape: tuple[int, ...], draw: Draw, dtype: torch.dtype) -> Tensor:
    """Random numbers for every row, and for every time or one for all."""
    batch, time = x.shape[:2]
    size = (batch, time if draw.span == "step" else 1, *shape)
    make = torch.rand if draw.law == "uniform" else torch.randn
    return make(size, dtype=dtype, device=x.device)


def refusals_of(layer: Layer) -> dict[Layer, str]:
    """The parts of a layer that torch runs, and why; none where all of it is native."""
    if isinstance(layer, Bidirectional):
        whys = [why for part in directions_of(layer) for why in refusals_of(part).values()]
        return dict.fromkeys([layer], whys[0]) if whys else {}
    plan = look_up(layer, "", *usual(layer))
    if isinstance(plan, Plan):
        return {}
    if plan.kind != "parts":
        return {layer: plan.why}
    inner = [part for part in children_of(layer) if isinstance(part, Layer)]
    return {part: why for each in inner for part, why in refusals_of(each).items()}


def usual(layer: Layer) -> Wanted:
    """The program of a layer for the input it is most likely given."""
    floats = (t.dtype for t in (*layer.parameters(), *layer.buffers()) if t.is_floating_point())
    dtype = next(floats, torch.float32) if layer.event_dims else torch.long
    return Wanted(layer.input_size or 1 if layer.event_dims else 0, dtype)


def children_of(layer: Layer) -> list[nn.Module]:
    """The parts that a stack or a residual runs one by one."""
    if isinstance(layer, Stack):
        return list(layer.parts)
    return [layer.inside] if isinstance(layer, Residual) else []
