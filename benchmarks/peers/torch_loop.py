"""A cell of one's own as PyTorch's users run it: a Python loop over time."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.harness.case import Case
from benchmarks.peers.cells import make_cell
from benchmarks.peers.job import Job, NotSupportedError
from benchmarks.peers.torch_layer import versions
from benchmarks.peers.torch_training import forward_job, training_job

__all__ = ["make", "versions"]


def make(case: Case) -> Job:
    if case.mode in ("step", "keyed") or case.resets or case.ragged:
        raise NotSupportedError(f"the loop is for whole sequences, not for {case}")
    torch.set_num_threads(case.threads)
    cell, parameters = make_cell(case)

    def forward(x: Tensor) -> Tensor:
        state = cell.initial_state(case.batch)
        answers = []
        for x_t in x.unbind(0):
            state = cell.update(state, x_t)
            answers.append(cell.output(state, x_t))
        return torch.stack(answers)

    if case.mode == "training":
        return training_job(case, forward, parameters, time_major=True)
    return forward_job(case, forward, time_major=True)
