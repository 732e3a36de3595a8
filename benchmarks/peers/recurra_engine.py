"""recurra's engine without Python: one event again and again, in a loop of the native module."""

from __future__ import annotations

from typing import Any

import numpy as np

import recurra as rc
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.cells import make_cell
from benchmarks.peers.job import Answer, Job, NotSupportedError
from benchmarks.peers.recurra_layer import set_threads, versions
from recurra.compiler import simplify, trace
from recurra.compiler.fuse import fuse
from recurra.engine import _native
from recurra.engine.native import make_plan

__all__ = ["make", "versions"]

EVENTS = 2000


def make(case: Case) -> Job:
    if case.mode != "step":
        raise NotSupportedError(f"{case} is not a step")
    set_threads(case.threads)
    stepper, _ = _make_stepper(case)
    checked, slots = _make_stepper(case)
    events = draw_inputs(case).x[0]
    stepper.x()[0] = events[0]

    def answer() -> Answer:
        for slot in range(slots):
            checked.state(slot)[:] = 0
        return {"y": np.stack([checked.step(event) for event in events])[None]}

    return Job(lambda: stepper.repeat(EVENTS, 1), answer, steps=EVENTS, note=_native.isa())


def _make_stepper(case: Case) -> tuple[Any, int]:
    """A row of states over the case's weights, and how many slots it has."""
    traced = trace(rc.Recurrent(make_cell(case)[0]))
    program = fuse(simplify(traced.program))
    plan, _ = make_plan(program, "float32")
    roles = [each.role for each in program.inputs]
    names = [each.name for each in program.inputs if each.role == "weight"]
    weights = [traced.weights[name].detach().numpy().ravel() for name in names]
    packed = _native.Weights32(plan, weights)
    return _native.Stepper32(plan, packed, 1), roles.count("state")
