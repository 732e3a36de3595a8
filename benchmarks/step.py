"""How long does one step from Python take?

One event through a layer with a batch of one: a stream's `step`, against ONNX Runtime with bound
memory, torch's cells and torch's layers.

    python -m benchmarks.step
"""

from __future__ import annotations

from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.question import Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort

PEERS = (OURS, "onnx_runtime", "torch_cell", "torch_layer")
CASES = [Case(kind, "step", 1, 1, size) for kind in ("lstm", "gru") for size in (16, 64, 256, 512)]
FASTER_THAN_ONNX_RUNTIME = {16: 8.0, 64: 4.0, 256: 1.5}
OVERHEAD = 1.0  # µs
AT_MOST = {16: 1.2, 64: 3.0}  # µs, an LSTM


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        result = results.by_case.get(case)
        seconds = results.median(case)
        over = None
        if result and result.floor and seconds:
            over = (seconds - result.floor) * 1e6
        verdicts.append(at_most(f"{case}: µs over the floor", over, OVERHEAD))
        if case.kind == "lstm" and case.size in AT_MOST:
            verdicts.append(at_most(f"{case}: µs", seconds and seconds * 1e6, AT_MOST[case.size]))
        if case.size in FASTER_THAN_ONNX_RUNTIME:
            verdicts.append(
                at_least(
                    f"{case}: times faster than ONNX Runtime",
                    results.speedup(case, "onnx_runtime"),
                    FASTER_THAN_ONNX_RUNTIME[case.size],
                )
            )
    return verdicts


QUESTION = Question(
    "step",
    "One step from Python, batch 1",
    [(case, PEERS) for case in CASES],
    judge,
    Effort(seconds=6.0, most=25),
    unit="µs",
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
