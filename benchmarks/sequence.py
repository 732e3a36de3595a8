"""How long does a whole sequence take, forward?

LSTM, GRU and Elman layers against torch's layers, JAX, ONNX Runtime and OpenVINO, each in the
layout it likes best.

    python -m benchmarks.sequence
"""

from __future__ import annotations

from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.question import SEQUENCES, Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort

PEERS = (OURS, "recurra_nn", "torch_layer", "jax_scan", "onnx_runtime", "openvino_model")
CASES = [Case(kind, "forward", *sizes) for kind in ("lstm", "gru", "elman") for sizes in SEQUENCES]


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        fastest = results.fastest_peer(case)
        verdicts.append(at_least(f"{case}: times faster than the fastest peer", fastest, 1.0))
        limit = 1.7 if case.batch == 1 else 1.25
        verdicts.append(at_most(f"{case}: over the floor", results.over_floor(case), limit))
    return verdicts


QUESTION = Question(
    "sequence",
    "Whole sequences, forward",
    [(case, PEERS) for case in CASES],
    judge,
    Effort(seconds=5.0),
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
