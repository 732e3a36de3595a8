"""torch.nn's recurrent layers in our own loop, which knows resets and ragged rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.layers.scan import Scan, flip_time, reset_backwards, scan
from recurra.nn.call import Call
from recurra.nn.steps import Step, step_of

__all__ = ["run"]


def run(module: nn.RNNBase, call: Call) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All layers and directions, one after the other.

    Returns:
        y (batch, time, directions * features) and the final state's slots, each
        (layers * directions, batch, size).
    """
    x = call.x
    finals: list[Any] = []
    for layer in range(module.num_layers):
        if layer > 0:
            x = F.dropout(x, module.dropout, module.training)
        answers = []
        for backwards in (False, True) if module.bidirectional else (False,):
            slots = tuple(slot[len(finals)] for slot in call.slots)
            step = step_of(module, layer, backwards, slots)
            done = (_backward if backwards else _forward)(step, x, call)
            answers.append(done.y)
            finals.append(done.state)
        x = torch.cat(answers, dim=-1)
    return x, tuple(torch.stack(slot) for slot in zip(*finals, strict=True))


def _forward(step: Step, x: Tensor, call: Call) -> Scan:
    return scan(step, step.drive(x), step.given, lengths=call.lengths, reset=call.reset)


def _backward(step: Step, x: Tensor, call: Call) -> Scan:
    reset = None if call.reset is None else reset_backwards(call.reset, call.lengths)
    drive = step.drive(flip_time(x, call.lengths))
    done = scan(step, drive, step.given, lengths=call.lengths, reset=reset)
    return done._replace(y=flip_time(done.y, call.lengths))
