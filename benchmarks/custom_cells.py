"""What does a cell of one's own cost in training?

A layer-norm LSTM, a peephole LSTM and a LiGRU, written in ten lines of PyTorch, against the loop
over time that PyTorch's users write, against JAX, and against our own LSTM.

    python -m benchmarks.custom_cells
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.question import TRAININGS, Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort

PEERS = (OURS, "torch_loop", "jax_scan")
SIZES = [(8, 200, 32), *TRAININGS]
CELLS = ("layer-norm lstm", "peephole lstm", "ligru")
LSTMS = [Case("lstm", "training", *sizes) for sizes in SIZES]
CASES = [Case(kind, "training", *sizes) for kind in CELLS for sizes in SIZES]
FASTER_THAN_LOOP = {(8, 200, 32): 20.0, (32, 100, 128): 2.5}


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES:
        verdicts.append(
            at_most(f"{case}: over our LSTM and its own extra", over_lstm(case, results), 1.15)
        )
        limit = FASTER_THAN_LOOP.get((case.batch, case.time, case.size))
        if limit:
            faster = results.speedup(case, "torch_loop")
            verdicts.append(at_least(f"{case}: times faster than torch's loop", faster, limit))
        jax = results.speedup(case, "jax_scan")
        verdicts.append(at_least(f"{case}: times faster than JAX", jax, 1.0))
    return verdicts


def over_lstm(case: Case, results: Results) -> float | None:
    """Our time over that of our LSTM, scaled by their products, with the extra arithmetic added.

    A pointwise operation is counted at half the peak, as no two of them make a multiply-add.
    """
    lstm = replace(case, kind="lstm")
    ours, base = results.median(case), results.median(lstm)
    measured = results.by_case.get(lstm)
    if not (ours and base and measured and measured.floor):
        return None
    peak = lstm.flops / measured.floor
    return ours / (base * case.flops / lstm.flops + case.extra_flops / (peak / 2))


QUESTION = Question(
    "custom_cells",
    "Training cells of one's own",
    [*((case, (OURS,)) for case in LSTMS), *((case, PEERS) for case in CASES)],
    judge,
    Effort(seconds=4.0),
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
