"""One case, all its peers, in turns: the clock's drift hits everybody alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from benchmarks.harness.blocks import Clock, Measured, summarize
from benchmarks.harness.case import Case
from benchmarks.harness.gauge import Gauge
from benchmarks.harness.process import PeerError, Process
from benchmarks.peers.job import Answer

__all__ = ["OURS", "Effort", "Race", "Result", "difference"]

OURS = "recurra_layer"

Answered = TypeVar("Answered")

# Float32 sums in another order may differ by so much of the largest number.
TOLERANCE = 2e-3


class Effort(NamedTuple):
    """How long to measure a case."""

    seconds: float  # altogether, about
    fewest: int = 5  # rounds, however long they take
    most: int = 25
    block: float = 0.002  # seconds; a call that takes longer is a block by itself
    blocks: int = 15  # a peer and round at most
    share: float = 0.1  # seconds a peer and round, where blocks are many
    clock: Clock = "perf_counter"


class Result(NamedTuple):
    """What was measured of a case, peers by name."""

    case: Case
    floor: float | None  # seconds; None where there is none to measure
    measured: dict[str, Measured]
    ratios: dict[str, float]  # the median over rounds of the peer's time over ours
    differences: dict[str, float]  # from our answer, as a share of its largest number
    notes: dict[str, str]
    absent: dict[str, str]  # why a peer has no time

    @property
    def ours(self) -> Measured | None:
        return self.measured.get(OURS)

    @property
    def over_floor(self) -> float | None:
        return self.ours.median / self.floor if self.ours and self.floor else None


def difference(ours: Answer, theirs: Answer) -> dict[str, float]:
    """The largest difference of each part that both have, as a share of its largest number."""
    return {
        name: float(np.abs(ours[name] - theirs[name]).max() / np.abs(ours[name]).max())
        for name in ours.keys() & theirs.keys()
    }


class Race:
    """The peers of one case, built and checked.

    Args:
        case: what they run.
        peers: processes by name; one that cannot run the case only says why.
    """

    def __init__(self, case: Case, peers: Mapping[str, Process]) -> None:
        self.case = case
        self.notes: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        self.differences: dict[str, float] = {}
        self.running = {name: peer for name, peer in peers.items() if not peer.missing}
        self.absent |= {name: peer.missing for name, peer in peers.items() if peer.missing}
        self.notes |= self._ask_each(lambda _, peer: peer.build(case))
        answers = self._ask_each(lambda _, peer: peer.answer())
        if OURS in answers:
            for name, theirs in answers.items():
                self._compare(name, answers[OURS], theirs)

    def _ask_each(self, ask: Callable[[str, Process], Answered]) -> dict[str, Answered]:
        """What the peers answer, in turn; one that fails takes no further part."""
        found = {}
        for name, peer in list(self.running.items()):
            self._settle()
            try:
                found[name] = ask(name, peer)
            except PeerError as error:
                self.absent[name] = str(error)
                del self.running[name]
        return found

    def _compare(self, name: str, ours: Answer, theirs: Answer) -> None:
        found = difference(ours, theirs)
        self.differences[name] = max(found.values())
        for part, value in found.items():
            if not value <= TOLERANCE:
                self.absent[name] = f"computes something else: {part} differs by {value:.2g}"
                self.running.pop(name, None)

    def run(self, effort: Effort, gauge: Gauge | None) -> Result:
        """Time them in rounds, each of which asks every peer and the gauge."""
        clock: Clock = effort.clock if self.case.threads == 1 else "perf_counter"
        plans = self._ask_each(lambda _, peer: _plan(peer, effort))
        rounds: dict[str, list[list[float]]] = {name: [] for name in self.running}
        floors: list[float] = []
        began = time.perf_counter()
        for done in range(effort.most if self.running else 0):
            if done >= effort.fewest and time.perf_counter() - began > effort.seconds:
                break
            if gauge:
                floors.append(gauge.floor(self.case))
            found = self._ask_each(lambda name, peer: peer.time(*plans[name], clock))
            for name, blocks in found.items():
                rounds[name].append(blocks)
        self._ask_each(lambda _, peer: peer.drop())
        rounds = {name: blocks for name, blocks in rounds.items() if name in self.running}
        return Result(
            self.case,
            statistics.median(floors) if floors else None,
            {name: summarize(blocks) for name, blocks in rounds.items()},
            {name: _ratio(each, rounds[OURS]) for name, each in rounds.items() if OURS in rounds},
            self.differences,
            self.notes,
            self.absent,
        )

    def _settle(self) -> None:
        """Let pools of threads fall asleep that would otherwise spin beside the next peer."""
        if self.case.threads > 1:
            time.sleep(0.05)


def _plan(peer: Process, effort: Effort) -> tuple[int, int]:
    """Blocks a round, and calls a block."""
    call = peer.warm_up(effort.share)
    calls = max(1, round(effort.block / call))
    blocks = max(1, min(effort.blocks, round(effort.share / (call * calls))))
    return blocks, calls


def _ratio(theirs: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> float:
    pairs = zip(theirs, ours, strict=True)
    return statistics.median(statistics.median(t) / statistics.median(o) for t, o in pairs)
