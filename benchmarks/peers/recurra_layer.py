"""recurra's public API: a Recurrent layer on tensors, a stream of a saved model on numpy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import recurra as rc
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.cells import OWN, make_cell
from benchmarks.peers.job import Job
from benchmarks.peers.keyed import keyed_job
from benchmarks.peers.torch_training import forward_job, training_job

__all__ = ["engine_of", "make", "set_threads", "stream_of", "versions"]


def versions() -> dict[str, str]:
    return {"recurra": rc.__version__, "torch": torch.__version__}


def make(case: Case) -> Job:
    set_threads(case.threads)
    cell, parameters = make_cell(case)
    layer = rc.Recurrent(cell)
    if case.mode == "step":
        return _step_job(case, layer)
    if case.mode == "keyed":
        model = stream_of(layer).model
        return keyed_job(case, lambda: model.streams().step, engine_of(model))
    inputs = draw_inputs(case)
    extras: dict[str, Any] = {}
    if inputs.lengths is not None:
        extras["lengths"] = torch.from_numpy(inputs.lengths)
    if inputs.reset is not None:
        extras["reset"] = torch.from_numpy(inputs.reset)

    def forward(x: Tensor) -> Tensor:
        y, _ = layer(x, **extras)
        return y  # type: ignore[no-any-return]

    note = engine_of(layer)
    if case.mode == "training":
        return training_job(case, forward, parameters, time_major=False, note=note)
    return forward_job(case, forward, time_major=False, note=note)


def set_threads(count: int) -> None:
    torch.set_num_threads(count)
    if hasattr(rc, "set_threads"):
        rc.set_threads(count)


def engine_of(layer: Any) -> str:
    """What the layer, or the model, says will run it; nothing where it does not say."""
    return str(getattr(layer, "engine", ""))


def stream_of(layer: Any) -> rc.Stream:
    """A stream of the layer as it comes back from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.recurra"
        rc.save(layer, path)
        return rc.load(path, cells=OWN).stream()


def _step_job(case: Case, layer: Any) -> Job:
    stream, checked = stream_of(layer), stream_of(layer)
    events = draw_inputs(case).x[0]
    event = events[0].copy()
    step = stream.step

    def answer() -> dict[str, Any]:
        checked.reset()
        return {"y": checked.steps(events)[None]}

    return Job(lambda: step(event), answer, note=engine_of(stream.model))
