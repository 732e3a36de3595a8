"""recurra's steps inside the engine: many events in one call, so that Python is paid once."""

from __future__ import annotations

import numpy as np

import recurra as rc
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.cells import make_cell
from benchmarks.peers.job import Job, NotSupportedError
from benchmarks.peers.recurra_layer import engine_of, set_threads, stream_of, versions

__all__ = ["make", "versions"]

EVENTS = 2000


def make(case: Case) -> Job:
    if case.mode != "step":
        raise NotSupportedError(f"{case} is not a step")
    set_threads(case.threads)
    layer = rc.Recurrent(make_cell(case)[0])
    stream, checked = stream_of(layer), stream_of(layer)
    events = draw_inputs(case).x[0]
    many = np.resize(events, (EVENTS, case.size))

    def answer() -> dict[str, np.ndarray]:
        checked.reset()
        return {"y": checked.steps(events)[None]}

    return Job(lambda: stream.steps(many), answer, steps=EVENTS, note=engine_of(layer))
