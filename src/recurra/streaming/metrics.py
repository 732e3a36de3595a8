"""What streams have done and how long it took: counted here, read by people and by Prometheus."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from recurra.errors import MissingExtraError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["BOUNDS", "COUNTERS", "GAUGES", "TIMES", "Metrics"]

COUNTERS = {
    "events": "Events stepped",
    "batches": "Batches of events stepped",
    "new_keys": "Keys that started at H_0",
    "evicted": "Keys that left memory for being least recently used",
    "expired": "Keys dropped for not having been seen for their time to live",
    "commits": "Commits that are durable",
    "failed_commits": "Commits that failed and are to be tried again",
    "committed_states": "States written by durable commits",
    "rejects": "Events that were refused and touched no state",
}
GAUGES = {
    "keys": "Keys in memory",
    "bytes": "Bytes in memory for keys and their states",
    "dirty": "Keys whose state is newer than the store's",
}
TIMES = {
    "step": "Seconds that a batch took to be stepped",
    "commit": "Seconds that a commit took to be durable",
}

# Seconds: 1, 2 and 5 of every decade from a microsecond to ten seconds; beyond them is one more.
BOUNDS = (*(float(f"{m}e{k}") for k in range(-6, 1) for m in (1, 2, 5)), 10.0)
_QUANTILES = (0.5, 0.9, 0.99)


class Times:
    """How often each span of time was measured, by the bucket it falls in."""

    __slots__ = ("counts", "largest", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self.largest = 0.0

    def add(self, seconds: float) -> None:
        """Count one; a clock that went backwards gives 0."""
        if seconds < 0.0:
            seconds = 0.0
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        if seconds > self.largest:
            self.largest = seconds

    def copy(self) -> Times:
        """As they are now."""
        twin = Times()
        twin.counts, twin.total, twin.largest = self.counts.copy(), self.total, self.largest
        return twin

    def quantile(self, q: float) -> float:
        """The time that the share q of all took at most, as if each bucket were filled evenly."""
        wanted = q * sum(self.counts)
        below = 0
        for low, high, count in zip((0.0, *BOUNDS), (*BOUNDS, math.inf), self.counts, strict=True):
            if count and below + count >= wanted:
                span = min(high, self.largest) - low
                return low + span * ((wanted - below) / count)
            below += count
        return 0.0

    def summary(self) -> dict[str, float]:
        """Numbers for people."""
        quantiles = {f"p{round(100 * q)}": self.quantile(q) for q in _QUANTILES}
        return {"count": sum(self.counts), "sum": self.total, **quantiles, "max": self.largest}


class _Now(NamedTuple):
    counters: dict[str, int]
    gauges: dict[str, float]
    times: dict[str, Times]


class Metrics:
    """Counters, gauges and latencies of one `Streams`; threads may share it.

    `snapshot` needs no other package. `text` is what a Prometheus server reads, and the object is a
    collector for whoever has a registry already: ``prometheus_client.REGISTRY.register(metrics)``.
    Names of your own may be counted beside those of recurra.

    >>> metrics = Metrics()
    >>> metrics.count("events", 256)
    >>> metrics.gauge("keys", 200)
    >>> metrics.observe("step", 0.00015)
    >>> now = metrics.snapshot()
    >>> now["events"], now["keys"], now["step"]["count"]
    (256, 200, 1)
    >>> print(metrics.text().splitlines()[2])
    recurra_events_total 256.0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._gauges: dict[str, float] = dict.fromkeys(GAUGES, 0)
        self._times = {name: Times() for name in TIMES}

    def count(self, name: str, n: int = 1) -> None:
        """Add n to a counter."""
        with self._lock:
            self._counters[name] = self._counters.get(name, 0) + n

    def gauge(self, name: str, value: float) -> None:
        """Say what a number is now."""
        with self._lock:
            self._gauges[name] = value

    def observe(self, name: str, seconds: float) -> None:
        """Add one span of time to a histogram."""
        with self._lock:
            if name not in self._times:
                self._times[name] = Times()
            self._times[name].add(seconds)

    def stepped(
        self, events: int, new: int, seconds: float, *, keys: int, size: int, dirty: int
    ) -> None:
        """Take note of a batch: one call, for there are ten thousand a second.

        Args:
            events: in the batch.
            new: keys that started at H_0.
            seconds: that it took.
            keys: in memory now.
            size: bytes in memory now.
            dirty: keys whose state is newer than the store's.
        """
        counters, gauges = self._counters, self._gauges
        with self._lock:
            counters["events"] += events
            counters["batches"] += 1
            counters["new_keys"] += new
            gauges["keys"], gauges["bytes"], gauges["dirty"] = keys, size, dirty
            self._times["step"].add(seconds)

    def _now(self) -> _Now:
        """All of it at one moment."""
        with self._lock:
            times = {name: each.copy() for name, each in self._times.items()}
            return _Now(dict(self._counters), dict(self._gauges), times)

    def snapshot(self) -> dict[str, Any]:
        """All numbers by name.

        Returns:
            Counters and gauges as numbers; for each latency a dict of ``count``, ``sum``, ``p50``,
            ``p90``, ``p99`` and ``max``, the last five in seconds. Quantiles are estimates: two of
            1, 2 and 5 in the same decade are told apart, what lies between them is not.
        """
        counters, gauges, times = self._now()
        return {**counters, **gauges, **{name: each.summary() for name, each in times.items()}}

    def collect(self) -> Iterator[Metric]:
        """The metric families, for a registry of prometheus_client.

        Raises:
            MissingExtraError: prometheus_client is not installed.
        """
        try:
            from prometheus_client import core
        except ImportError as error:
            raise MissingExtraError.named("prometheus-client", "streams") from error
        counters, gauges, times = self._now()
        for name, count in counters.items():
            yield core.CounterMetricFamily(f"recurra_{name}", _said(COUNTERS, name), count)
        for name, value in gauges.items():
            yield core.GaugeMetricFamily(f"recurra_{name}", _said(GAUGES, name), value)
        for name, each in times.items():
            bounds = [*map(repr, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, accumulate(each.counts), strict=True))
            yield core.HistogramMetricFamily(
                f"recurra_{name}_seconds", _said(TIMES, name), buckets=buckets, sum_value=each.total
            )

    def text(self) -> str:
        """Prometheus' text form, to be answered to a request for ``/metrics``.

        Raises:
            MissingExtraError: prometheus_client is not installed.
        """
        try:
            from prometheus_client import CollectorRegistry, generate_latest
        except ImportError as error:
            raise MissingExtraError.named("prometheus-client", "streams") from error
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry).decode()


def _said(known: dict[str, str], name: str) -> str:
    return f"{known.get(name, name)}."
