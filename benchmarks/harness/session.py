"""The processes of a run: each started when it is first needed, kept, and ended with the run."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from benchmarks.harness.blocks import Clock
from benchmarks.harness.case import Case
from benchmarks.harness.gauge import Gauge
from benchmarks.harness.process import Process
from benchmarks.harness.question import Question
from benchmarks.harness.race import Effort, Race, Result

__all__ = ["Session"]


class Session:
    """Measures cases one after the other.

    Args:
        effort: takes the place of the questions' own, for a short run.
        only: peers that take part; None is all.
        clock: which one is looked at.
    """

    def __init__(
        self,
        effort: Effort | None = None,
        only: Sequence[str] | None = None,
        clock: Clock = "perf_counter",
    ) -> None:
        self.effort = effort
        self.only = only
        self.clock: Clock = clock
        self.versions: dict[str, str] = {}
        self.without_floors = ""
        self._processes: dict[tuple[str, int], Process] = {}
        self.gauge: Gauge | None = None
        try:
            self.gauge = Gauge()
        except (FileNotFoundError, OSError) as error:
            self.without_floors = str(error)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            process.close()
        if self.gauge:
            self.gauge.close()

    def measure(self, question: Question, case: Case, peers: Sequence[str]) -> Result:
        """One case of a question."""
        effort = (self.effort or question.effort)._replace(clock=self.clock)
        peers = [peer for peer in peers if self.only is None or peer in self.only]
        if question.measure:
            return question.measure(case, peers, effort)
        taking_part = {peer: self._process(peer, case.threads) for peer in peers}
        return Race(case, taking_part).run(effort, self.gauge)

    def _process(self, peer: str, threads: int) -> Process:
        key = peer, threads
        known = self._processes.get(key)
        if known and (known.alive or known.missing):
            return known
        if known:  # it crashed in an earlier case
            known.close()
        self._processes[key] = Process(peer, threads)
        self.versions |= self._processes[key].versions
        return self._processes[key]
