"""torch.nn.LSTMCell and GRUCell, one step a call."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.harness.case import Case
from benchmarks.harness.data import Array
from benchmarks.peers.job import Job, NotSupportedError
from benchmarks.peers.keyed import Step, keyed_job
from benchmarks.peers.torch_layer import copy_weights, step_job, versions

__all__ = ["make", "versions"]


def make(case: Case) -> Job:
    if case.mode not in ("step", "keyed") or case.kind not in ("lstm", "gru"):
        raise NotSupportedError(f"no cell of torch's for {case}")
    torch.set_num_threads(case.threads)
    if case.mode == "keyed":
        return keyed_job(case, partial(_keyed_steps, case))
    if case.kind == "lstm":
        lstm = _cell(case)

        def lstm_step(x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
            h, c = lstm(x, state)
            return h, (h, c)

        return step_job(case, lstm_step)
    gru = _cell(case)

    def gru_step(x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        h = gru(x, state)
        return h, h

    return step_job(case, gru_step)


def _cell(case: Case) -> Any:
    cell = (nn.LSTMCell if case.kind == "lstm" else nn.GRUCell)(case.size, case.size)
    copy_weights(case, dict(cell.named_parameters()))
    return cell


def _keyed_steps(case: Case) -> Step:
    """The states of all keys in a tensor a slot; a batch's are gathered and scattered."""
    cell = _cell(case)
    states = [torch.zeros(case.keys, case.size) for _ in range(2 if case.kind == "lstm" else 1)]

    @torch.inference_mode()
    def step(keys: Array, x: Array) -> Array:
        rows = torch.from_numpy(keys)
        before = [slot.index_select(0, rows) for slot in states]
        found = cell(torch.from_numpy(x), tuple(before) if len(before) > 1 else before[0])
        after = found if len(before) > 1 else (found,)
        for slot, values in zip(states, after, strict=True):
            slot.index_copy_(0, rows, values)
        return after[0].numpy()  # type: ignore[no-any-return]

    return step
