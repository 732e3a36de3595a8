"""The programs of a layer, read off it when they are first needed and kept for as long as they fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch.nn.modules.module import _has_any_global_hook
from torch.utils._python_dispatch import _disable_current_modes

from recurra.cells import Cell
from recurra.compiler import trace
from recurra.engine.structure import fingerprint, hooked
from recurra.errors import RecurraError, TraceError
from recurra.layers import Bidirectional, Layer, Recurrent, Residual, Stack
from recurra.program import Output, Program, to_json

__all__ = ["Plan", "Refusal", "plan_of"]

_MOST = 16  # plans of one layer: modes, and with or without all states
_NOISE = ("rand", "bernoulli", "dropout", "normal_", "uniform_")


class Plan(NamedTuple):
    """A step of a layer as a program, and where its inputs come from."""

    text: str  # the program as JSON
    weights: tuple[str, ...]  # the paths of its weights in the layer, in order


class Refusal(NamedTuple):
    """Why a layer has no program of its own."""

    why: str
    kind: Literal["parts", "silent", "trace"]  # runs part by part; in torch; so with a warning
    error: type[RecurraError] = TraceError


def plan_of(layer: Layer, features: int | None, *, keep_states: bool, step: bool) -> Plan | Refusal:
    """The program of a layer as it is now.

    Args:
        layer: any but a `Bidirectional`, whose cells each have one.
        features: of x.
        keep_states: whether the program also answers with the new states.
        step: for one event by hand, where some noise is not drawn, and not for a sequence.
    """
    kept: dict[Any, Plan | Refusal] = layer._native.setdefault("plans", {})
    key = (fingerprint(layer), features, keep_states, step)
    if key in kept:
        return kept[key]
    # Nothing may be drawn, or the same seed would give other masks the first time.
    with _disable_current_modes(), torch.random.fork_rng(devices=[]):
        found = _make(layer, features, keep_states, step)
    while len(kept) >= _MOST:
        del kept[next(iter(kept))]
    kept[key] = found
    return found


def _make(layer: Layer, features: int | None, keep_states: bool, step: bool) -> Plan | Refusal:
    refusal = _refused(layer, step)
    if refusal is not None:
        return refusal
    try:
        traced = trace(layer, features=features)
    except TraceError as error:
        noise = layer.training and any(word in str(error) for word in _NOISE)
        return Refusal(str(error), "silent" if noise else "trace")
    except Exception as error:  # noqa: BLE001  a cell may raise anything, and does so again in torch
        return Refusal(f"{type(error).__name__}: {error}", "trace")
    program = _with_states(traced.program) if keep_states else traced.program
    return Plan(json.dumps(to_json(program), separators=(",", ":")), tuple(traced.weights))


def _refused(layer: Layer, step: bool) -> Refusal | None:
    if any(isinstance(part, Bidirectional) for part in layer.modules()):
        return Refusal("a part reads each sequence from its end", "parts")
    for part in layer.modules():
        if isinstance(part, Layer) and not _runs_as_written(type(part)):
            return Refusal(f"{type(part).__name__} has its own way to run", "silent")
        if isinstance(part, Cell) and not step and part.for_sequence(1) is not part:
            return Refusal(f"{part.signature()} draws masks for a sequence", "silent")
    called = hooked(layer)
    if called is not None or _has_any_global_hook():
        name = "every module" if called is None else type(called).__name__
        return Refusal(f"{name} has hooks, which a program does not call", "silent")
    return None


def _runs_as_written(kind: type[Layer]) -> bool:
    """Whether a step through the layer, over time, is what it does with a sequence."""
    base = next((b for b in (Recurrent, Stack, Residual) if issubclass(kind, b)), None)
    methods: tuple[Callable[[Any], Any], ...] = (
        lambda c: c.run,
        lambda c: c.run_step,
        lambda c: c.forward,
        lambda c: c.step,
    )
    return base is not None and all(method(kind) is method(base) for method in methods)


def _with_states(program: Program) -> Program:
    """A program that answers with its new states too, as ``state.NAME``."""
    more = tuple(
        Output(f"state.{output.name}", "y", output.value)
        for output in program.outputs
        if output.role == "state"
    )
    return Program(program.inputs, program.instructions, program.outputs + more)
