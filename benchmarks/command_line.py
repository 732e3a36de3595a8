"""How many events a second does `recurra stream` answer?

The whole command as a process: a file of JSON Lines in, one numeric feature, an LSTM of 32 units,
answers out to a file. And how long it takes to start: the command for a single event.

    python -m benchmarks.command_line
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.blocks import summarize
from benchmarks.harness.case import Case
from benchmarks.harness.main import main
from benchmarks.harness.process import ROOT, arguments_and_environment
from benchmarks.harness.question import Question, Results, Verdict, at_least, at_most
from benchmarks.harness.race import OURS, Effort, Result

EVENTS = 1_000_000
KEYS = 10_000
OPTIONS = {
    "no keys": [],
    "by key": ["--key", "device"],
    "durable": ["--key", "device", "--state", "states"],  # every second
}
CASES = {how: Case("lstm", "command", 1, EVENTS, 32, how=how) for how in OPTIONS}
START = Case("lstm", "command", 1, 1, 32, how="one event")
EVENTS_A_SECOND = 150_000
DURABLE = 0.7  # of the same without a store
START_MS = 250.0


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for case in CASES.values():
        seconds = results.median(case)
        rate = 1 / seconds if seconds else None
        verdicts.append(at_least(f"{case}: events a second", rate, EVENTS_A_SECOND))
    memory, durable = results.median(CASES["by key"]), results.median(CASES["durable"])
    share = memory / durable if memory and durable else None
    verdicts.append(at_least("durable every second: of the speed in memory", share, DURABLE))
    started = results.median(START)
    verdicts.append(at_most(f"{START}: ms", started and started * 1e3, START_MS))
    return verdicts


def measure(case: Case, peers: Sequence[str], effort: Effort) -> Result:
    """Seconds an event; the command's start is part of them."""
    if OURS not in peers:
        return Result(case, None, {}, {}, {}, {}, {})
    with TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, case)
        options = OPTIONS.get(case.how, [])
        _run(folder, options, case, effort)  # compiles the modules, as an installation does
        rounds = [[_run(folder, options, case, effort)] for _ in range(effort.fewest)]
    return Result(case, None, {OURS: summarize(rounds)}, {}, {}, {}, {})


def _run(folder: Path, options: Sequence[str], case: Case, effort: Effort) -> float:
    shutil.rmtree(folder / "states", ignore_errors=True)
    command = ["recurra", "stream", "model.recurra", "events.jsonl", "--out", "out", *options]
    arguments, variables = arguments_and_environment(command, case.threads)
    variables = _environment(variables) | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen(arguments, cwd=folder, env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    lines = (folder / "out").read_bytes().count(b"\n")
    if process.returncode or lines != case.time:
        raise RuntimeError(f"recurra stream: exit code {process.returncode}, {lines} answers")
    used = usage.ru_utime + usage.ru_stime
    return (used if effort.clock == "process_time" else taken) / case.time


def _prepare(folder: Path, case: Case) -> None:
    """The model and the events; in a process of its own, as the model's making needs torch."""
    made = (
        "import recurra as rc, torch\n"
        f"layers = rc.Recurrent(rc.cells.LSTM(1, {case.size})), torch.nn.Linear({case.size}, 1)\n"
        'rc.save(rc.Stack(*layers), "model.recurra", notes={"features": ["x"]})\n'
    )
    subprocess.run(
        [sys.executable, "-c", made], cwd=folder, check=True, env=_environment(os.environ)
    )
    draw = random.Random(0)
    with (folder / "events.jsonl").open("w") as file:
        for _ in range(case.time):
            event = {"device": f"d{draw.randrange(KEYS)}", "x": round(draw.gauss(0, 1), 4)}
            file.write(json.dumps(event) + "\n")


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Where the command finds recurra, as it runs in another folder."""
    paths = filter(None, [variables.get("PYTHONPATH"), str(ROOT / "src")])
    return {**variables, "PYTHONPATH": os.pathsep.join(paths)}


QUESTION = Question(
    "command line",
    "recurra stream, JSON Lines end to end, an event",
    [(case, [OURS]) for case in (*CASES.values(), START)],
    judge,
    Effort(seconds=0.0, fewest=5),
    unit="µs",
    measure=measure,
)

if __name__ == "__main__":
    main([QUESTION], __doc__)
