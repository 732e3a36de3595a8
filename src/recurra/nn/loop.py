"""torch.nn's recurrent layers in our own loop, which knows resets and ragged rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.layers.scan import Scan, flip_time, reset_backwards, scan
from recurra.nn.call import Call
from recurra.nn.steps import Step, step_of

__all__ = ["run"]


Through = Callable[[Step, Tensor, Call, bool], Scan]


def run(
    module: nn.RNNBase, call: Call, through: Through | None = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All layers and directions, one after the other.

    Args:
        module: gives the weights.
        call: a checked call.
        through: runs one layer in one direction, from the end if its last argument says so; None
            is a loop over time.

    Returns:
        y (batch, time, directions * features) and the final state's slots, each
        (layers * directions, batch, size).
    """
    through = through or _loop
    x = call.x
    finals: list[Any] = []
    for layer in range(module.num_layers):
        if layer > 0:
            x = F.dropout(x, module.dropout, module.training)
        answers = []
        for backwards in (False, True) if module.bidirectional else (False,):
            slots = tuple(slot[len(finals)] for slot in call.slots)
            step = step_of(module, layer, backwards, slots)
            done = through(step, x, call, backwards)
            answers.append(done.y)
            finals.append(done.state)
        x = _side_by_side(answers, call.time_first)
    return x, tuple(torch.stack(slot) for slot in zip(*finals, strict=True))


def _side_by_side(answers: list[Tensor], time_first: bool) -> Tensor:
    """Both directions' answers, lying in memory as the module gives them out."""
    if len(answers) == 1:
        return answers[0]
    if time_first:
        return torch.cat([y.transpose(0, 1) for y in answers], dim=-1).transpose(0, 1)
    return torch.cat(answers, dim=-1)


def _loop(step: Step, x: Tensor, call: Call, backwards: bool) -> Scan:
    if not backwards:
        return scan(step, step.drive(x), step.given, lengths=call.lengths, reset=call.reset)
    reset = None if call.reset is None else reset_backwards(call.reset, call.lengths)
    drive = step.drive(flip_time(x, call.lengths))
    done = scan(step, drive, step.given, lengths=call.lengths, reset=reset)
    return done._replace(y=flip_time(done.y, call.lengths))
