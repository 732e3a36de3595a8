"""The clock: calls in blocks long enough to time, and what many blocks say together."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

__all__ = ["Clock", "Measured", "summarize", "time_blocks", "warm_up"]

# Functions of `time`. That of the wall is what counts; a process's own is for a machine that has
# other work to do, says the same for one thread, and nothing for two.
Clock = Literal["perf_counter", "process_time"]


class Measured(NamedTuple):
    """Seconds a call; for memory, bytes."""

    median: float
    best: float  # the fastest block
    spread: float  # from the first quartile to the third, as a share of the median
    blocks: int


def warm_up(run: Callable[[], Any], seconds: float) -> float:
    """Call until caches, pools and clocks are warm; the seconds the fastest call took."""
    fastest, began = float("inf"), time.perf_counter()
    for call in range(1000):
        start = time.perf_counter()
        run()
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if call and now - began > seconds:
            break
    return fastest


def time_blocks(
    run: Callable[[], Any], blocks: int, calls: int, clock: Clock = "perf_counter"
) -> list[float]:
    """Seconds a call, of each of so many blocks of so many calls. No garbage is collected."""
    found, repeats, now = [], range(calls), getattr(time, clock)
    gc.collect()
    gc.disable()
    try:
        for _ in range(blocks):
            start = now()
            for _ in repeats:
                run()
            found.append((now() - start) / calls)
    finally:
        gc.enable()
    return found


def summarize(rounds: Sequence[Sequence[float]]) -> Measured:
    """
    >>> summarize([[1.0, 3.0], [2.0]])
    Measured(median=2.0, best=1.0, spread=0.5, blocks=3)
    """
    blocks = sorted(block for blocks in rounds for block in blocks)
    median = statistics.median(blocks)
    quarter = (len(blocks) - 1) / 4
    low, high = (blocks[int(place + 0.5)] for place in (quarter, 3 * quarter))
    return Measured(median, blocks[0], (high - low) / median, len(blocks))
