"""torch.nn.LSTMCell and GRUCell, one step a call."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.harness.case import Case
from benchmarks.peers.job import Job, NotSupportedError
from benchmarks.peers.torch_layer import copy_weights, step_job, versions

__all__ = ["make", "versions"]


def make(case: Case) -> Job:
    if case.mode != "step" or case.kind not in ("lstm", "gru"):
        raise NotSupportedError(f"no cell of torch's for {case}")
    torch.set_num_threads(case.threads)
    if case.kind == "lstm":
        lstm = nn.LSTMCell(case.size, case.size)
        copy_weights(case, dict(lstm.named_parameters()))

        def lstm_step(x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
            h, c = lstm(x, state)
            return h, (h, c)

        return step_job(case, lstm_step)
    gru = nn.GRUCell(case.size, case.size)
    copy_weights(case, dict(gru.named_parameters()))

    def gru_step(x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        h = gru(x, state)
        return h, h

    return step_job(case, gru_step)
