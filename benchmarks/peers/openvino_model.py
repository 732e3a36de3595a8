"""OpenVINO on the same ONNX model, in float32 as everybody else."""

from __future__ import annotations

import io

import numpy as np
import openvino

from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.peers.job import Answer, Job, NotSupportedError
from benchmarks.peers.onnx_graph import STATES, build

__all__ = ["make", "versions"]


def versions() -> dict[str, str]:
    return {"openvino": openvino.__version__}


def make(case: Case) -> Job:
    if case.mode != "forward" or case.resets or case.ragged:
        raise NotSupportedError(f"OpenVINO does not run {case}")
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": case.threads,
        "INFERENCE_PRECISION_HINT": "f32",  # where the CPU has bfloat16, it would take that
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # the process is pinned already
    }
    model = core.read_model(io.BytesIO(build(case)))
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    shape = (1, case.batch, case.size)
    values = {name: np.zeros(shape, np.float32) for name in STATES[case.kind]}
    values["x"] = draw_inputs(case).x.transpose(1, 0, 2).copy()
    for name, array in values.items():
        request.get_tensor(name).data[:] = array

    def run() -> None:
        request.infer()

    def answer() -> Answer:
        run()
        return {"y": request.get_tensor("y").data[:, 0].transpose(1, 0, 2).copy()}

    return Job(run, answer)
