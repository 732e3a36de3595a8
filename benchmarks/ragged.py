"""What do resets inside the batch and ragged lengths cost?

The same layer on the same sequences, with the state set back at one step in a hundred, and with
lengths drawn evenly from 1 to the longest; time is counted per step that is there. Torch's packed
sequences are shown beside the ragged ones.

    python -m benchmarks.ragged
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.case import Case, Mode
from benchmarks.harness.data import draw_inputs
from benchmarks.harness.main import main
from benchmarks.harness.question import Question, Results, Verdict, at_most
from benchmarks.harness.race import OURS, Effort

MODES: tuple[Mode, ...] = ("forward", "training")
SIZES = [(32, 100, 128), (32, 100, 256)]
PLAIN = [Case("lstm", mode, *sizes) for mode in MODES for sizes in SIZES]
RESETS = [replace(case, resets=0.01) for case in PLAIN]
RAGGED = [replace(case, ragged=True) for case in PLAIN]


def judge(results: Results) -> list[Verdict]:
    return [
        at_most(
            f"{case}: time a real step over that without", per_step_ratio(case, plain, results), 1.1
        )
        for cases in (RESETS, RAGGED)
        for case, plain in zip(cases, PLAIN, strict=True)
    ]


def per_step_ratio(case: Case, plain: Case, results: Results) -> float | None:
    ours, without = results.median(case), results.median(plain)
    if not (ours and without):
        return None
    lengths = draw_inputs(case).lengths
    real = case.batch * case.time if lengths is None else int(lengths.sum())
    return (ours / real) / (without / (plain.batch * plain.time))


QUESTION = Question(
    "ragged",
    "Resets at 1 % of steps, and ragged lengths",
    [(case, (OURS, "recurra_nn", "torch_layer")) for case in [*PLAIN, *RESETS, *RAGGED]],
    judge,
    Effort(seconds=2.5),
    notes=["The floor of a ragged case is that of all its steps, the padding too."],
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
