"""How long does one step take inside the engine, without Python?

One event again and again, in a loop inside the native module. Beside it stand the best figures
known, those of RTNeural's compile-time templates; they were taken on another machine (EPYC Zen 4,
117 GFLOP/s a core, g++ 12 -O3 -march=native -ffast-math) and are not measured here.

    python -m benchmarks.engine_step
"""

from __future__ import annotations

from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.question import Question, Results, Verdict, at_most
from benchmarks.harness.race import Effort

PEER = "recurra_engine"
LIMITS = {16: 0.15, 32: 0.35, 64: 1.4, 128: 5.4, 256: 24.0}  # µs
RTNEURAL = {16: 0.092, 32: 0.302, 64: 1.32, 128: 5.68, 256: 26.8}  # µs, median
CASES = [Case("lstm", "step", 1, 1, size) for size in LIMITS]


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        seconds = results.median(case, PEER)
        microseconds = None if seconds is None else seconds * 1e6
        verdicts.append(
            at_most(f"{case}: µs a step in the engine", microseconds, LIMITS[case.size])
        )
    return verdicts


QUESTION = Question(
    "engine_step",
    "One step inside the engine, batch 1",
    [(case, (PEER,)) for case in CASES],
    judge,
    Effort(seconds=3.0, fewest=5, block=0.0, most=10),
    unit="µs",
    notes=[
        "RTNeural with Eigen, on an EPYC Zen 4 of 117 GFLOP/s, not measured here: "
        + ", ".join(f"H={size} {value} µs" for size, value in RTNEURAL.items())
    ],
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
