"""Which engine runs a layer, and why, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from torch import Tensor, nn

from recurra.cells.state import named_slots
from recurra.engine.calls import refusal_of_call
from recurra.engine.memory import runner_of
from recurra.engine.plans import Plan, Wanted
from recurra.engine.running import children_of, directions_of, look_up, usual
from recurra.layers import Bidirectional, Layer

__all__ = ["explain"]


def explain(layer: nn.Module, x: Tensor | None = None) -> str:
    """Which engine runs a layer, and why; for the native one, what it does.

    Args:
        layer: a layer, in the mode (training or evaluation) it is in.
        x: input as the layer will be given; None is any on the CPU in the type of the weights.

    Returns:
        A text to read. For the native engine it lists the work done for all times at once, that
        done in the loop over time, and how much a training step keeps for the gradient.

    Raises:
        TypeError: it is not a layer of recurra.

    >>> import recurra as rc
    >>> layer = rc.Recurrent(rc.cells.GRU(3, 8))
    >>> print(explain(layer.use_engine("torch")))
    GRU(input_size=3, hidden_size=8): torch, one operation after the other.
      layer.use_engine("torch") was called.
    >>> explain(layer.use_engine("auto")).splitlines()[0]
    'GRU(input_size=3, hidden_size=8): the native engine.'
    """
    if not isinstance(layer, Layer):
        raise TypeError(
            f"explain: layer is a {type(layer).__name__}, expected one of recurra's layers, "
            f"such as Recurrent or Stack."
        )
    return "\n".join(_lines(layer, x))


def _lines(layer: Layer, x: Tensor | None) -> Iterator[str]:
    name = layer.signature()
    why = _refusal(layer, x)
    if why is not None:
        yield f"{name}: torch, one operation after the other."
        yield f"  {why}"
        return
    if isinstance(layer, Bidirectional):
        yield f"{name}: each direction by itself."
        for direction in directions_of(layer):
            yield from _inside(direction)
        return
    plan = look_up(layer, "", *usual(layer))
    if isinstance(plan, Plan):
        yield f"{name}: the native engine."
        yield textwrap.indent(_described(plan, layer), "  ")
    elif plan.kind == "parts":
        yield f"{name}: part by part, because {plan.why}"
        for part in children_of(layer):
            yield from _inside(part)
    else:
        yield f"{name}: torch, one operation after the other."
        yield f"  {plan.why}"


def _inside(part: nn.Module) -> Iterator[str]:
    if isinstance(part, Layer):
        yield from (textwrap.indent(line, "  ") for line in _lines(part, None))
    else:
        yield f"  {type(part).__name__}: torch, for all times at once."


def _refusal(layer: Layer, x: Tensor | None) -> str | None:
    """What keeps every part of a layer from the native engine."""
    if layer._engine == "torch":
        return 'layer.use_engine("torch") was called.'
    slots = named_slots(layer.initial_state(1)).values()
    weights = [*layer.parameters(), *slots]
    if x is not None:
        return refusal_of_call(x, weights)
    return refusal_of_call(weights[0], weights) if weights else None


def _described(plan: Plan, layer: Layer) -> str:
    wanted: Wanted = usual(layer)
    dtype = "float64" if "float64" in str(wanted.dtype) else "float32"
    return runner_of(plan.text, dtype).compiled.describe()
