"""A question of the benchmarks: its cases, who takes part, and what its answer is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.harness.case import Case
from benchmarks.harness.race import OURS, Effort, Result

__all__ = ["SEQUENCES", "TRAININGS", "Question", "Results", "Verdict", "at_least", "at_most"]

# (batch, time, size)
TRAININGS = [(32, 100, 128), (32, 100, 256), (64, 100, 512), (256, 50, 256)]
SEQUENCES = [(1, 1000, 64), (1, 1000, 256), *TRAININGS]


class Verdict(NamedTuple):
    """One bar."""

    bar: str
    value: float | None  # None where it could not be measured
    limit: float
    better: str  # "lower" or "higher"

    @property
    def passed(self) -> bool | None:
        if self.value is None:
            return None
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit


def at_most(bar: str, value: float | None, limit: float) -> Verdict:
    return Verdict(bar, value, limit, "lower")


def at_least(bar: str, value: float | None, limit: float) -> Verdict:
    return Verdict(bar, value, limit, "higher")


class Results(NamedTuple):
    """What was measured so far."""

    by_case: Mapping[Case, Result]

    def median(self, case: Case, peer: str = OURS) -> float | None:
        result = self.by_case.get(case)
        measured = result.measured.get(peer) if result else None
        return measured.median if measured else None

    def speedup(self, case: Case, peer: str) -> float | None:
        """How many times faster than the peer we are."""
        result = self.by_case.get(case)
        return result.ratios.get(peer) if result else None

    def over_floor(self, case: Case) -> float | None:
        result = self.by_case.get(case)
        return result.over_floor if result else None

    def fastest_peer(self, case: Case) -> float | None:
        """How many times faster than the fastest peer we are; what is also ours is no peer."""
        result = self.by_case.get(case)
        if not result:
            return None
        theirs = [ratio for name, ratio in result.ratios.items() if not name.startswith("recurra")]
        return min(theirs, default=None)


class Question(NamedTuple):
    """What one file of the benchmarks asks."""

    name: str
    title: str
    cases: Sequence[tuple[Case, Sequence[str]]]  # with the peers of each
    judge: Callable[[Results], list[Verdict]]
    effort: Effort
    unit: str = "ms"  # or "µs", or "MiB"
    notes: Sequence[str] = ()
    measure: Callable[[Case, Sequence[str], Effort], Result] | None = None  # None is a race
