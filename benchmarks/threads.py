"""What does a second thread give?

Whole sequences and training steps of at least 32 rows on one processor and on two. It says
something only on a machine that does nothing else.

    python -m benchmarks.threads
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.case import Case, Mode
from benchmarks.harness.main import main
from benchmarks.harness.question import TRAININGS, Question, Results, Verdict, at_least
from benchmarks.harness.race import OURS, Effort

MODES: tuple[Mode, ...] = ("forward", "training")
ONE = [Case("lstm", mode, *sizes) for mode in MODES for sizes in TRAININGS]
PAIRS = [(case, replace(case, threads=2)) for case in ONE]


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for one, two in PAIRS:
        alone, both = results.median(one), results.median(two)
        gain = alone / both if alone and both else None
        verdicts.append(at_least(f"{two}: times faster than 1", gain, 1.8))
    return verdicts


QUESTION = Question(
    "threads",
    "Two threads",
    [(case, (OURS, "torch_layer")) for pair in PAIRS for case in pair],
    judge,
    Effort(seconds=3.0),
    notes=["Floors are of one processor."],
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
