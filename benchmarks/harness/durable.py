"""Keyed streams over a store, and what they are compared with, in turns in one process.

    python -m benchmarks.harness.durable CASE ROUNDS SECONDS CLOCK

Writes seconds an event (for "reopen": seconds) of every round and peer, as JSON. The
clock is that of openings; whoever waits for a disk needs that of the wall.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import recurra as rc
from benchmarks.harness.blocks import Clock
from benchmarks.harness.case import Case
from benchmarks.harness.process import ROOT

__all__ = ["STREAMS", "DurableCase", "main"]

STREAMS = "recurra_streams"
KEYS = 10_000
BATCHES = 40  # made beforehand


@dataclass(frozen=True)
class DurableCase(Case):
    """An LSTM with keys, and when what is answered is durable."""

    durable: str = "second"  # or "batch", or "reopen"
    keys: int = KEYS

    def __str__(self) -> str:
        when = {
            "second": f"batches of {self.batch}, committed every second",
            "batch": f"batches of {self.batch}, each durable",
            "reopen": f"{self.keys:,} keys opened",
        }
        return when[self.durable]


def _model(case: DurableCase, folder: Path) -> rc.Model:
    import torch

    torch.manual_seed(0)
    rc.save(rc.Recurrent(rc.cells.LSTM(case.size, case.size)), folder / "model.recurra")
    rc.set_threads(1)
    return rc.load(folder / "model.recurra")


def _batches(case: DurableCase) -> Iterator[tuple[Any, Any]]:
    draw = np.random.default_rng(0)
    xs = draw.normal(size=(BATCHES, case.batch, case.size)).astype(np.float32)
    keys = draw.integers(case.keys, size=(BATCHES, case.batch))
    while True:
        yield from zip(keys, xs, strict=True)


def _stepping(streams: Any, case: DurableCase, seconds: float) -> Callable[[], float]:
    """Seconds an event, of about so many seconds."""
    batches, place = _batches(case), 0
    every = np.arange(case.keys)
    xs = np.zeros((case.keys, case.size), np.float32)
    streams.step(every, xs, cursor=b"0")

    def run() -> float:
        nonlocal place
        events, began = 0, time.perf_counter()
        while (taken := time.perf_counter() - began) < seconds:
            keys, xs = next(batches)
            place += len(keys)
            streams.step(keys, xs, cursor=b"%d" % place)
            events += len(keys)
        return taken / events

    return run


def _lmdb_alone(folder: Path, case: DurableCase, count: int) -> Callable[[], float]:
    """Seconds a state: so many states of random keys written by LMDB in one durable transaction."""
    import lmdb

    env = lmdb.open(str(folder / "lmdb"), map_size=1 << 30)
    draw = np.random.default_rng(1)
    value = draw.bytes(12 + 2 * 4 * case.size)
    every = [b"i" + int(k).to_bytes(8, "big") for k in range(case.keys)]

    def write(keys: list[bytes]) -> float:
        began = time.perf_counter()
        with env.begin(write=True) as txn:
            txn.cursor().putmulti([(key, value) for key in keys])
        return (time.perf_counter() - began) / len(keys)

    write(every)
    repeats = max(1, 4096 // count)

    def run() -> float:
        some = [[every[k] for k in draw.integers(case.keys, size=count)] for _ in range(repeats)]
        return sum(map(write, some)) / repeats

    return run


def _streaming(case: DurableCase, folder: Path, stack: ExitStack, seconds: float) -> dict[str, Any]:
    model = _model(case, folder)
    every: Any = "batch" if case.durable == "batch" else 1000
    durable = stack.enter_context(model.streams(folder / "states", commit_every=every))
    peers = {
        STREAMS: _stepping(durable, case, seconds),
        "lmdb": _lmdb_alone(folder, case, case.batch if every == "batch" else case.keys),
    }
    if every != "batch":
        peers["in_memory"] = _stepping(model.streams(), case, seconds)
    return peers


def _reopening(case: DurableCase, folder: Path, now: Callable[[], float]) -> dict[str, Any]:
    """Opening a store of so many keys and answering a first batch; LMDB opening it beside that."""
    import lmdb

    model = _model(case, folder)
    keys = np.random.default_rng(0).permutation(case.keys)
    with model.streams(folder / "states", commit_every=None) as streams:
        for part in np.array_split(keys, max(1, case.keys // 20_000)):
            streams.step(part, np.ones((len(part), case.size), np.float32))
            streams.commit()
    some = (keys[: case.batch], np.ones((case.batch, case.size), np.float32))

    def ours() -> float:
        began = now()
        with model.streams(folder / "states", commit_every=None) as streams:
            streams.step(*some)
            return now() - began

    def lmdbs() -> float:
        began = now()
        with lmdb.open(str(folder / "states"), readonly=True) as env, env.begin() as txn:
            txn.get(b"\0about")
            return now() - began

    return {STREAMS: ours, "lmdb": lmdbs}


def main(case: DurableCase, rounds: int, seconds: float, clock: Clock) -> dict[str, list[float]]:
    """What each peer took, round by round."""
    (ROOT / "build").mkdir(exist_ok=True)  # on a disk; the system's folder may be memory
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name, ExitStack() as stack:
        folder = Path(name)
        if case.durable == "reopen":
            peers = _reopening(case, folder, getattr(time, clock))
        else:
            peers = _streaming(case, folder, stack, seconds)
        found: dict[str, list[float]] = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer, run in peers.items():
                found[peer].append(run())
        return found


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    given = DurableCase(**json.loads(sys.argv[1]))
    channel.write(json.dumps(main(given, int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])) + "\n")
    channel.close()
