"""The loop of `recurra stream`: a batch of events in, their answers out, the states moved on."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.cli.answers import Writer
from recurra.cli.keeping import ALONE
from recurra.cli.rejects import Rejects
from recurra.data import Batch, Reject
from recurra.streaming import Model
from recurra.streaming.streams import Streams

__all__ = ["Answering"]

Array = NDArray[Any]

NOT_FINITE = "the model's answer is not finite."
NO_INDEX = "the model has no such index."


class Events(NamedTuple):
    """Those of a batch that may still be answered."""

    lines: Array  # (event,)
    keys: list[str]  # (event,)
    xs: Array  # (event, feature), or (event,) of indices

    def where(self, good: Array) -> Events:
        """Some of them."""
        return Events(self.lines[good], list(compress(self.keys, good)), self.xs[good])


class Answering:
    """Answers batches; an event that cannot be answered moves no state.

    Attributes:
        answered: the events so far.
    """

    def __init__(self, model: Model, streams: Streams, write: Writer, rejects: Rejects) -> None:
        self.answered = 0
        self._model = model
        self._streams = streams
        self._write = write
        self._rejects = rejects

    def answer(self, batch: Batch) -> bytes:
        """The answers to a batch, as they are written."""
        bad: list[Reject] = [*batch.rejects]
        lines, keys, answers = self._stepped(batch, bad)
        if bad:
            self._rejects.add(sorted(bad))
        self.answered += len(lines)
        return self._write(lines, keys if batch.keys is not None else None, answers)

    def _stepped(self, batch: Batch, bad: list[Reject]) -> tuple[Array, list[str], Array]:
        """The lines, keys and answers of the events that have one; the others go to ``bad``."""
        keys = [ALONE] * len(batch) if batch.keys is None else list(batch.keys)
        events = Events(batch.lines, keys, batch.values)
        if self._model.takes_indices:
            events = self._with_indices(events, batch, bad)
        events, ys = self._step(events, batch, bad)
        finite: Array = np.all(np.isfinite(ys), axis=1)
        if not finite.all():
            _reject(batch, events.lines[~finite], NOT_FINITE, bad)
            events, ys = events.where(finite), ys[finite]
        return events.lines, events.keys, ys

    def _with_indices(self, events: Events, batch: Batch, bad: list[Reject]) -> Events:
        """The values as the whole numbers they must be."""
        values = events.xs[:, 0]
        whole = (values == np.floor(values)) & (values >= 0) & (values < 2.0**63)
        for line, value in zip(events.lines[~whole], values[~whole].tolist(), strict=True):
            reason = f"{value:g} is not an index (0, 1, 2, ...)."
            _reject(batch, [line], reason, bad)
        events = events.where(whole)
        return events._replace(xs=events.xs[:, 0].astype(np.int64))

    def _step(self, events: Events, batch: Batch, bad: list[Reject]) -> tuple[Events, Array]:
        """Step all; where an index is unknown, the halves, so that only its event is left out."""
        count = len(events.lines)
        if count == 0:
            return events, np.empty((0, self._model.output_size or 1), self._model.dtype)
        try:
            return events, self._streams.step(events.keys, events.xs, only_finite=True)
        except IndexError:
            if count == 1:
                _reject(batch, events.lines, NO_INDEX, bad)
                return self._step(events.where(np.zeros(1, np.bool_)), batch, bad)
        first = np.arange(count) < count // 2
        low, low_ys = self._step(events.where(first), batch, bad)
        high, high_ys = self._step(events.where(~first), batch, bad)
        both = Events(
            np.concatenate([low.lines, high.lines]),
            [*low.keys, *high.keys],
            np.concatenate([low.xs, high.xs]),
        )
        return both, np.concatenate([low_ys, high_ys])


def _reject(batch: Batch, lines: Iterable[Any], reason: str, bad: list[Reject]) -> None:
    bad += [Reject(int(line), reason, batch.text(int(line))) for line in lines]
