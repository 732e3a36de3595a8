"""Batches of events by key: what every peer is given, and how it is timed.

Keys are the numbers of their own states, 0 to `case.keys`, and come once in a batch: nobody has to
look a key up or to put events in order, unless it does so anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import numpy as np

from benchmarks.harness.case import Case
from benchmarks.harness.data import Array, draw_inputs
from benchmarks.peers.job import Answer, Job

__all__ = ["Step", "draw_keys", "keyed_job"]

Step = Callable[[Array, Array], Array]  # keys (batch,) and x (batch, size) to y (batch, size)


def draw_keys(case: Case) -> Array:
    """Batches (n, batch): every key, in random order, and once more."""
    draw = np.random.default_rng(case.keys)
    turns = [draw.permutation(case.keys) for _ in range(2)]
    whole = case.keys // case.batch * case.batch
    return np.concatenate([turn[:whole].reshape(-1, case.batch) for turn in turns])


def keyed_job(case: Case, begin: Callable[[], Step], note: str = "") -> Job:
    """Times a batch; the answer is that to the first of them, beginning anew.

    Args:
        case: what keys and events are drawn from.
        begin: gives a step over states that are all at H_0.
        note: such as which engine runs it.
    """
    keys = draw_keys(case)
    events = np.ascontiguousarray(draw_inputs(case).x.transpose(1, 0, 2))
    step = begin()
    for batch in keys:
        step(batch, events[0])
    batches = cycle([(batch, events[k % len(events)]) for k, batch in enumerate(keys)])

    def run() -> None:
        step(*next(batches))

    def answer() -> Answer:
        fresh = begin()
        some = keys[: 5 + len(keys) // 2]  # keys that come again among them
        return {"y": np.stack([fresh(batch, events[k % 5]).copy() for k, batch in enumerate(some)])}

    return Job(run, answer, note=note)
