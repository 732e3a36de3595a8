"""How fast are streams by key, and how large?

Batches of events of 10,000 keys in random order: states are gathered, stepped together and
scattered back. ONNX Runtime and torch keep all states in arrays whose rows are the keys, so that
they have no key to look up. Then the resident memory that a million keys take in a fresh process,
over the bytes of their states alone.

    python -m benchmarks.keyed_streams
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from benchmarks.harness.blocks import summarize
from benchmarks.harness.case import FLOAT_BYTES, Case
from benchmarks.harness.main import main
from benchmarks.harness.process import ROOT, arguments_and_environment
from benchmarks.harness.question import Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort, Result

PEERS = (OURS, "onnx_runtime", "torch_cell")
TIMED = [Case("lstm", "keyed", batch, 1, 64, keys=10_000) for batch in (256, 32)]
MILLION = Case("lstm", "keyed", 256, 1, 64, keys=1_000_000)

SHARE_OF_THE_PEAK = 1_100_000 / (117e9 / TIMED[0].flops * 256)  # events a second at 117 GFLOP/s


def judge(results: Results) -> list[Verdict]:
    case = TIMED[0]
    over = results.over_floor(case)
    return [
        at_least(
            f"{case}: share of the peak", 1 / over if over else None, round(SHARE_OF_THE_PEAK, 3)
        ),
        at_least(
            f"{case}: times faster than ONNX Runtime", results.speedup(case, "onnx_runtime"), 1.35
        ),
        at_least(f"{case}: times faster than torch", results.speedup(case, "torch_cell"), 2.0),
    ]


QUESTION = Question(
    "keyed_streams",
    "Streams by key, a batch of events",
    [(case, PEERS) for case in TIMED],
    judge,
    Effort(seconds=6.0, most=25),
    unit="µs",
)


def measure(case: Case, peers: Sequence[str], effort: Effort) -> Result:
    """Bytes that a fresh process adds for so many keys."""
    found: list[list[float]] = []
    for _ in range(effort.fewest if OURS in peers else 0):
        command = ["benchmarks.harness.keyed_memory", json.dumps(case.as_json())]
        arguments, variables = arguments_and_environment(command, case.threads)
        done = subprocess.run(arguments, cwd=ROOT, env=variables, capture_output=True, text=True)
        if done.returncode:
            why = done.stderr.strip().splitlines()[-1]
            return Result(case, None, {}, {}, {}, {}, {OURS: why})
        found.append([json.loads(done.stdout)])
    measured = {OURS: summarize(found)} if found else {}
    return Result(case, None, measured, dict.fromkeys(measured, 1.0), {}, {}, {})


def judge_memory(results: Results) -> list[Verdict]:
    states = MILLION.keys * 2 * MILLION.size * FLOAT_BYTES
    taken = results.median(MILLION)
    ratio = taken / states if taken else None
    return [at_most(f"{MILLION}: memory over the states'", ratio, 1.3)]


MEMORY = Question(
    "keyed_memory",
    "Memory of streams by key",
    [(MILLION, (OURS,))],
    judge_memory,
    Effort(seconds=0.0, fewest=2),
    unit="MiB",
    measure=measure,
)

if __name__ == "__main__":
    main([QUESTION, MEMORY], __doc__)
