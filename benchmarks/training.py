"""How long does a training step take?

Forward, then the gradients of the input and of every weight, against torch's layers and JAX.

    python -m benchmarks.training
"""

from __future__ import annotations

from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.question import TRAININGS, Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort

PEERS = (OURS, "recurra_nn", "torch_layer", "jax_scan")
FASTER_THAN_TORCH = {"lstm": 1.15, "gru": 1.6, "elman": 1.6}
CASES = [Case(kind, "training", *sizes) for kind in FASTER_THAN_TORCH for sizes in TRAININGS]


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        faster = results.speedup(case, "torch_layer")
        limit = FASTER_THAN_TORCH[case.kind]
        verdicts.append(at_least(f"{case}: times faster than torch", faster, limit))
        verdicts.append(at_most(f"{case}: over the floor", results.over_floor(case), 1.3))
    return verdicts


QUESTION = Question(
    "training",
    "A training step",
    [(case, PEERS) for case in CASES],
    judge,
    Effort(seconds=6.0),
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
