"""How long from the start of a process to its first answer, and how much memory has it then?

A fresh interpreter imports what it needs, reads a trained LSTM from a file and answers one event.
The memory is all that is resident, the interpreter's own too.

    python -m benchmarks.start
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.blocks import Clock, summarize
from benchmarks.harness.case import Case
from benchmarks.harness.data import draw_inputs
from benchmarks.harness.main import main
from benchmarks.harness.pinning import pools
from benchmarks.harness.process import ROOT
from benchmarks.harness.question import Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, TOLERANCE, Effort, Result

CASES = [Case("lstm", "step", 1, 1, 64)]
MOST_MILLISECONDS, MOST_MEBIBYTES = 150, 60
QUICKER_THAN_TORCH = 4.0

# What each process runs: `path` is its model, `x` the event, `y` the answer.
PROGRAMS = {
    OURS: """
import recurra
y = recurra.load(path).stream().step(x)
""",
    "torch_cell": """
import torch
state = torch.load(path)
cell = torch.nn.LSTMCell(x.size, x.size)
cell.load_state_dict(state)
with torch.inference_mode():
    y = cell(torch.from_numpy(x)[None])[0][0].numpy()
""",
    "onnx_runtime": """
import onnxruntime
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
state = {name: numpy.zeros((1, 1, x.size), "float32") for name in ("h", "c")}
y = session.run(["y"], {"x": x[None, None], **state})[0].ravel()
""",
}
_PROGRAM = """
import sys
import numpy
path, x = sys.argv[1], numpy.array(sys.argv[2].split(), "float32")
{program}
print(*y.tolist(), flush=True)
print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


class Start(NamedTuple):
    """One process from its start to its first answer."""

    seconds: float
    resident: int  # bytes, the most until then
    y: list[float]


def judge_seconds(results: Results) -> list[Verdict]:
    seconds = results.median(CASES[0])
    milliseconds = seconds and seconds * 1e3
    return [
        at_most(
            "from the start of a process to its first answer: ms", milliseconds, MOST_MILLISECONDS
        ),
        at_least(
            "times sooner than torch", results.speedup(CASES[0], "torch_cell"), QUICKER_THAN_TORCH
        ),
    ]


def judge_memory(results: Results) -> list[Verdict]:
    resident = results.median(CASES[0])
    mebibytes = resident and resident / 2**20
    return [at_most("resident at the first answer: MiB", mebibytes, MOST_MEBIBYTES)]


def measure(case: Case, peers: Sequence[str], effort: Effort, *, of: str) -> Result:
    """Seconds, or bytes; processes of all peers in turn, after one that warms the disk's cache."""
    found: dict[str, list[list[float]]] = {peer: [] for peer in peers}
    answers: dict[str, list[float]] = {}
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = write_models(case, Path(folder))
        began = time.perf_counter()
        for done in range(1 + effort.most):
            if done > effort.fewest and time.perf_counter() - began > effort.seconds:
                break
            for peer in set(peers) - set(absent):
                start = _try(peer, files, case, effort.clock)
                if isinstance(start, str):
                    absent[peer] = start
                    continue
                answers[peer] = start.y
                if done:
                    found[peer].append([float(getattr(start, of))])
    measured = {peer: summarize(each) for peer, each in found.items() if each}
    ours = measured.get(OURS)
    ratios = {name: each.median / ours.median for name, each in measured.items()} if ours else {}
    differences = {
        peer: max(abs(one - other) for one, other in zip(y, answers[OURS], strict=True))
        for peer, y in answers.items()
        if OURS in answers
    }
    wrong = {peer for peer, each in differences.items() if not each <= TOLERANCE}
    absent |= dict.fromkeys(wrong, "computes something else")
    kept = {name: each for name, each in measured.items() if name not in wrong}
    return Result(case, None, kept, ratios, differences, {}, absent)


def write_models(case: Case, folder: Path) -> dict[str, Path]:
    """The same weights for every peer that is here, in the form it reads."""
    import torch

    import recurra as rc
    from benchmarks.peers.cells import make_cell
    from benchmarks.peers.torch_layer import copy_weights

    files = {OURS: folder / "model.recurra", "torch_cell": folder / "state.pt"}
    rc.save(rc.Recurrent(make_cell(case)[0]), files[OURS])
    cell = torch.nn.LSTMCell(case.size, case.size)
    copy_weights(case, dict(cell.named_parameters()))
    torch.save(cell.state_dict(), files["torch_cell"])
    try:
        from benchmarks.peers.onnx_graph import build

        (folder / "model.onnx").write_bytes(build(case))
        files["onnx_runtime"] = folder / "model.onnx"
    except ModuleNotFoundError:
        pass  # the peer is absent
    return files


def _try(peer: str, files: Mapping[str, Path], case: Case, clock: Clock) -> Start | str:
    """One start, or why there is none."""
    if peer not in files:
        return "not installed"
    try:
        return run(peer, files[peer], case, clock)
    except RuntimeError as error:
        return str(error)


def run(peer: str, path: Path, case: Case, clock: Clock) -> Start:
    """Start a process and wait for its answer.

    Raises:
        RuntimeError: it failed.
    """
    event = " ".join(map(str, draw_inputs(case).x[0, 0].tolist()))
    code = _PROGRAM.format(program=PROGRAMS[peer])
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), event],
        cwd=ROOT,
        env={**os.environ, **pools(case.threads)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    y = process.stdout.readline()
    seconds = time.perf_counter() - began
    resident = process.stdout.read()
    error = process.stderr.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(error.splitlines()[-1])
    if clock == "process_time":
        seconds = usage.ru_utime + usage.ru_stime
    return Start(seconds, 1024 * int(resident.split()[1]), [float(each) for each in y.split()])


PEERS = tuple(PROGRAMS)
QUESTION = Question(
    "start",
    "From the start of a process to its first answer",
    [(case, PEERS) for case in CASES],
    judge_seconds,
    Effort(seconds=20.0, most=15),
    measure=partial(measure, of="seconds"),
)
RESIDENT = Question(
    "resident",
    "Memory of a process at its first answer",
    [(case, PEERS) for case in CASES],
    judge_memory,
    Effort(seconds=0.0, fewest=2),
    unit="MiB",
    measure=partial(measure, of="resident"),
)

if __name__ == "__main__":
    main([QUESTION, RESIDENT], __doc__)
