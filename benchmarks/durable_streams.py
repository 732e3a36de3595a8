"""What does it cost that no state gets lost?

An LSTM of 64 units with 10,000 keys in random order, from a source that can be replayed: committed
every second beside the same in memory, and each batch durable before it is answered; and how long a
store of a million keys takes to open. LMDB's own limit is measured in the same run: as many states
written in one durable transaction by `lmdb` and nothing else.

    python -m benchmarks.durable_streams
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from benchmarks.harness.blocks import summarize
from benchmarks.harness.case import Case
from benchmarks.harness.durable import STREAMS, DurableCase
from benchmarks.harness.main import main
from benchmarks.harness.process import ROOT, arguments_and_environment
from benchmarks.harness.question import Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import Effort, Result

SECOND = DurableCase("lstm", "step", 256, 1, 64)
HELD = {
    DurableCase("lstm", "step", batch, 1, 64, durable="batch"): limit
    for batch, limit in ((256, 10_000), (4096, 30_000))
}
REOPENED = DurableCase("lstm", "step", 256, 1, 64, durable="reopen", keys=1_000_000)


def judge(results: Results) -> list[Verdict]:
    def rate(case: Case, peer: str = STREAMS) -> float | None:
        seconds = results.median(case, peer)
        return 1 / seconds if seconds else None

    memory, second = rate(SECOND, "in_memory"), rate(SECOND)
    share = second / memory if memory and second else None
    held = [at_least(f"{case}: events a second", rate(case), limit) for case, limit in HELD.items()]
    return [
        at_least(f"{SECOND}: share of the rate in memory", share, 0.7),
        *held,
        at_most(f"{REOPENED}: seconds", results.median(REOPENED, STREAMS), 1.0),
    ]


def measure(case: Case, peers: Sequence[str], effort: Effort) -> Result:
    """All peers in turns in a fresh process."""
    seconds = effort.seconds / effort.fewest
    command = ["benchmarks.harness.durable", json.dumps(case.as_json())]
    arguments, variables = arguments_and_environment(command, 1)
    done = subprocess.run(
        [*arguments, str(effort.fewest), str(seconds), effort.clock],
        cwd=ROOT, env=variables, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1]
        return Result(case, None, {}, {}, {}, {}, dict.fromkeys(peers, why))
    rounds = json.loads(done.stdout)
    measured = {peer: summarize([rounds[peer]]) for peer in peers}
    ratios = {peer: each.median / measured[STREAMS].median for peer, each in measured.items()}
    return Result(case, None, measured, ratios, {}, {}, {})


QUESTION = Question(
    "durable_streams",
    "Streams over a store, an event (or the opening)",
    [
        (SECOND, (STREAMS, "in_memory", "lmdb")),
        *((case, (STREAMS, "lmdb")) for case in HELD),
        (REOPENED, (STREAMS, "lmdb")),
    ],
    judge,
    Effort(seconds=12.0, fewest=5),
    unit="µs",
    measure=measure,
    notes=["LMDB alone: as many states in one durable transaction; opening without any check."],
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
