"""Batches of events by key where the native engine does not run the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recurra.engine import Array, Engine
    from recurra.engine._native import StateTable
    from recurra.streaming.rows import Rows

__all__ = ["step_batch"]


def step_batch(
    engine: Engine, rows: Rows, table: StateTable, xs: Array, only_finite: bool, now: int
) -> Array:
    """Step the batch that a table has resolved, in rounds with one event of each key.

    Args:
        engine: what steps.
        rows: how its states lie in bytes.
        table: with a resolved batch, whose states it sets.
        xs: (batch, feature).
        only_finite: whether an answer that is not finite leaves its key's state as it was.
        now: when it happens, in microseconds.

    Returns:
        The answers, (batch, feature).
    """
    states = table.gather()
    positions = table.positions()
    answers: Array | None = None
    for events in _rounds(positions):
        keys = positions[events]
        state = engine.take(rows.split(states[keys]))
        y, state = engine.step(state, xs[events])
        after = rows.join(engine.give(state), len(events))
        kept = np.isfinite(y).all(axis=1) if only_finite else slice(None)
        states[keys[kept]] = after[kept]
        if answers is None:
            answers = np.empty((len(xs), *y.shape[1:]), y.dtype)
        answers[events] = y
    table.scatter(states, now)
    return engine.step(engine.start(0), xs)[0] if answers is None else answers


def _rounds(positions: Array) -> list[Array]:
    """The events, in rounds in which no key comes twice.

    >>> [each.tolist() for each in _rounds(np.array([0, 1, 0, 0]))]
    [[0, 1], [2], [3]]
    """
    order = np.argsort(positions, kind="stable")
    by_key = positions[order]
    starts = np.flatnonzero(np.diff(by_key, prepend=-1))
    lengths = np.diff(starts, append=len(by_key))
    turn = np.empty(len(by_key), np.int64)
    turn[order] = np.arange(len(by_key)) - np.repeat(starts, lengths)
    return [np.flatnonzero(turn == k) for k in range(int(lengths.max(initial=0)))]
