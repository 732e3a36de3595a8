"""torch.nn's recurrent layers on the native engine."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from recurra.engine.calls import refusal_of_call
from recurra.engine.memory import Run
from recurra.engine.running import starts_next
from recurra.engine.sequence import run_sequence
from recurra.layers.scan import Scan
from recurra.nn import loop
from recurra.nn.call import Call, as_slots
from recurra.nn.programs import step_program
from recurra.nn.steps import GRUStep, Step
from recurra.program import to_json

__all__ = ["refusal", "run"]


def refusal(module: nn.RNNBase, x: Tensor | PackedSequence, hx: Any) -> str | None:
    """Why a call of a module cannot run natively; None if it can.

    >>> import torch
    >>> refusal(nn.GRU(3, 8).bfloat16(), torch.zeros(5, 2, 3).bfloat16(), None)
    'the call is in torch.bfloat16, not float32 or float64.'
    """
    data = x.data if isinstance(x, PackedSequence) else x
    slots = () if hx is None else as_slots(module, hx)
    if not all(isinstance(each, Tensor) for each in (data, *slots)):
        return "not all arguments are tensors."
    if not data.is_floating_point():
        return "x holds whole numbers."
    weights = [getattr(module, name) for names in module._all_weights for name in names]
    return refusal_of_call(data, [*slots, *weights])


def run(module: nn.RNNBase, call: Call) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All layers and directions, one after the other."""
    return loop.run(module, call, _through)


def _through(step: Step, x: Tensor, call: Call, backwards: bool) -> Scan:
    weights = [step.weights.ih, step.weights.hh, step.bias, step.weights.hr]
    if isinstance(step, GRUStep):
        weights.append(step.candidate_bias)
    sizes = (x.shape[-1], step.weights.hh.shape[0], step.weights.hh.shape[1])
    inside = None if step.weights.hr is None else step.weights.hr.shape[1]
    text = _text(step.mode, *sizes, inside, step.bias is not None)
    reset = starts_next(call.reset, call.lengths) if backwards else call.reset
    inputs = [x, *step.given, *(each for each in weights if each is not None)]
    starts = () if reset is None else tuple(step.start)
    dtype = str(x.dtype).removeprefix("torch.")
    run = Run(inputs, starts, call.lengths, reset, backwards, call.time_first)
    y, *finals = run_sequence(text, dtype, run)
    return Scan(y, step.state_type(*finals), None)


@cache
def _made(*arguments: Any) -> str:
    return json.dumps(to_json(step_program(*arguments)), separators=(",", ":"))


def _text(*arguments: Any) -> str:
    return _made(*arguments)


vars(_text)["_dynamo_marked_constant"] = True  # what is in a compiled graph is the text
