"""ONNX Runtime on bound memory: nothing is allocated or copied but the event itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.harness.case import Case
from benchmarks.harness.data import Array, draw_inputs
from benchmarks.peers.job import Answer, Job, NotSupportedError
from benchmarks.peers.keyed import Step, keyed_job
from benchmarks.peers.onnx_graph import STATES, build

__all__ = ["make", "versions"]


def versions() -> dict[str, str]:
    return {"onnxruntime": onnxruntime.__version__}


def make(case: Case) -> Job:
    if case.mode == "training" or case.resets or case.ragged:
        raise NotSupportedError(f"ONNX Runtime does not run {case}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(build(case), options, ["CPUExecutionProvider"])
    if case.mode == "keyed":
        return keyed_job(case, partial(_keyed_steps, case, session))
    return _step_job(case, session) if case.mode == "step" else _sequence_job(case, session)


def _sequence_job(case: Case, session: Any) -> Job:
    x = draw_inputs(case).x.transpose(1, 0, 2).copy()
    y = np.empty((case.time, 1, case.batch, case.size), np.float32)
    states, ends = _states(case), _states(case)
    turn = _Turn(session, {"x": x, **states}, {"y": y, **_as_outputs(ends)})

    def run() -> None:
        turn.run()

    def answer() -> Answer:
        run()
        return {"y": y[:, 0].transpose(1, 0, 2)}

    return Job(run, answer)


def _step_job(case: Case, session: Any) -> Job:
    """The state goes back and forth between two places, so that it is never copied."""
    events = draw_inputs(case).x[0]
    x, y = np.empty((1, 1, case.size), np.float32), np.empty((1, 1, 1, case.size), np.float32)
    here, there = _states(case), _states(case)
    turns = [
        _Turn(session, {"x": x, **here}, {"y": y, **_as_outputs(there)}),
        _Turn(session, {"x": x, **there}, {"y": y, **_as_outputs(here)}),
    ]
    at, event, place = 0, events[0].copy(), x[0, 0]

    def run() -> None:
        nonlocal at
        place[:] = event
        turns[at].run()
        at = 1 - at

    def answer() -> Answer:
        nonlocal at
        at = 0
        for slot in here.values():
            slot[:] = 0
        answers = []
        for step, values in enumerate(events):
            place[:] = values
            turns[step % 2].run()
            answers.append(y[0, 0, 0].copy())
        return {"y": np.stack(answers)[None]}

    return Job(run, answer)


def _keyed_steps(case: Case, session: Any) -> Step:
    """The states of all keys in an array a slot; a batch's are gathered and scattered by numpy."""
    x = np.empty((1, case.batch, case.size), np.float32)
    y = np.empty((1, 1, case.batch, case.size), np.float32)
    before, after = _states(case), _states(case)
    turn = _Turn(session, {"x": x, **before}, {"y": y, **_as_outputs(after)})
    states = {name: np.zeros((case.keys, case.size), np.float32) for name in STATES[case.kind]}

    def step(keys: Array, events: Array) -> Array:
        x[0] = events
        for name, slot in states.items():
            np.take(slot, keys, axis=0, out=before[name][0], mode="clip")  # the quickest of modes
        turn.run()
        for name, slot in states.items():
            slot[keys] = after[name][0]
        return y[0, 0].copy()

    return step


def _states(case: Case) -> dict[str, Array]:
    shape = (1, case.batch, case.size)
    return {name: np.zeros(shape, np.float32) for name in STATES[case.kind]}


def _as_outputs(states: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{name}_out": slot for name, slot in states.items()}


class _Turn:
    """A session bound to arrays, which it uses where they lie and which live as long as it does."""

    def __init__(
        self, session: Any, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
    ) -> None:
        self.arrays = [*inputs.values(), *outputs.values()]
        bound = session.io_binding()
        for name, array in inputs.items():
            bound.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            bound.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self.run = partial(session.run_with_iobinding, bound)
