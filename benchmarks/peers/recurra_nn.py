"""recurra's drop-ins for torch.nn's layers, laid out as torch's are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import recurra as rc
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.job import Job, NotSupportedError
from benchmarks.peers.recurra_layer import engine_of, set_threads, versions
from benchmarks.peers.torch_layer import copy_weights
from benchmarks.peers.torch_training import forward_job, training_job

__all__ = ["make", "versions"]

LAYERS: dict[str, Any] = {"lstm": rc.nn.LSTM, "gru": rc.nn.GRU, "elman": rc.nn.RNN}


def make(case: Case) -> Job:
    if case.kind not in LAYERS or case.mode in ("step", "keyed"):
        raise NotSupportedError(f"recurra.nn has no layer for {case}")
    set_threads(case.threads)
    layer = LAYERS[case.kind](case.size, case.size)
    parameters = copy_weights(case, dict(layer.named_parameters()))
    inputs = draw_inputs(case)
    lengths = None if inputs.lengths is None else torch.from_numpy(inputs.lengths)
    reset = None if inputs.reset is None else torch.from_numpy(inputs.reset.T.copy())

    def forward(x: Tensor) -> Tensor:
        y, _ = layer(x, lengths=lengths, reset=reset)
        return y  # type: ignore[no-any-return]

    note = engine_of(layer)
    if case.mode == "training":
        return training_job(case, forward, parameters, time_major=True, note=note)
    return forward_job(case, forward, time_major=True, note=note)
