"""How much memory does a training step take?

Resident memory that a fresh process adds at the peak of one training step of an LSTM (answers,
gradients and what is kept between forward and backward), and how much of it is held between them.

    python -m benchmarks.memory
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from benchmarks.harness.blocks import summarize
from benchmarks.harness.case import Case
from benchmarks.harness.footprint import environment
from benchmarks.harness.main import main
from benchmarks.harness.process import ROOT, arguments_and_environment
from benchmarks.harness.question import TRAININGS, Question, Results, Verdict, at_most
from benchmarks.harness.race import OURS, Effort, Result

PEERS = (OURS, "torch_layer")
CASES = [Case("lstm", "training", *sizes) for sizes in TRAININGS]


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        ours, torchs = results.median(case), results.median(case, "torch_layer")
        ratio = ours / torchs if ours and torchs else None
        verdicts.append(at_most(f"{case}: memory over torch's", ratio, 1.0))
    return verdicts


def measure(case: Case, peers: Sequence[str], effort: Effort) -> Result:
    """Peaks as numbers, what is held between the halves as notes."""
    peaks: dict[str, list[list[float]]] = {peer: [] for peer in peers}
    notes: dict[str, str] = {}
    absent: dict[str, str] = {}
    for _ in range(effort.fewest):
        for peer in peers:
            done = _footprint(peer, case)
            if done.returncode:
                absent[peer] = done.stderr.strip().splitlines()[-1]
                continue
            found = json.loads(done.stdout)
            peaks[peer].append([found["peak"]])
            notes[peer] = f"holds {found['held'] / 2**20:.1f} MiB between forward and backward"
    measured = {peer: summarize(found) for peer, found in peaks.items() if found}
    ours = measured.get(OURS)
    ratios = {name: each.median / ours.median for name, each in measured.items()} if ours else {}
    return Result(case, None, measured, ratios, {}, notes, absent)


def _footprint(peer: str, case: Case) -> subprocess.CompletedProcess[str]:
    command = ["benchmarks.harness.footprint", peer, json.dumps(case.as_json())]
    arguments, variables = arguments_and_environment(command, case.threads)
    return subprocess.run(
        arguments, cwd=ROOT, env=variables | environment(), capture_output=True, text=True
    )


QUESTION = Question(
    "memory",
    "Memory of a training step",
    [(case, PEERS) for case in CASES],
    judge,
    Effort(seconds=0.0, fewest=2),
    unit="MiB",
    measure=measure,
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
