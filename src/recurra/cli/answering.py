"""The loop of `recurra stream`: an event in, an answer out, the state moved on."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator

import numpy as np
import typer

from recurra.cli.answers import Array, Writer
from recurra.cli.errors import complain
from recurra.cli.signals import Stopped, Stopping
from recurra.cli.states import States
from recurra.data import Event
from recurra.data.words import counted
from recurra.errors import DataError
from recurra.streaming import Model

__all__ = ["answer_all"]


def answer_all(
    model: Model, incoming: Iterator[Event], states: States, write: Writer, source: str
) -> None:
    """Answer every event; whatever ends that, keep the states of those that were answered."""
    answered = 0
    with Stopping() as stopping:
        try:
            for event in stopping.each(incoming):
                _answer(model, event, states, write, source)
                answered += 1
        except Stopped as stopped:
            complain(f"{stopped.signal.name} after {counted(answered, 'event')}.")
            raise typer.Exit(stopped.exit_code) from None
        finally:
            if isinstance(incoming, Generator):
                incoming.close()  # and with it the file
            if answered:
                states.save()


def _answer(model: Model, event: Event, states: States, write: Writer, source: str) -> None:
    """One step. The state moves on only when the answer is out."""
    x = _input(model, event, source)
    try:
        y, after = model.step(states.before(event.key), x)
    except IndexError as error:
        raise DataError(f"{source}, line {event.line}: the model has no such index.") from error
    if not np.isfinite(y).all():
        raise DataError(f"{source}, line {event.line}: the model's answer is not finite.")
    sys.stdout.write(write(event, y[0]) + "\n")
    sys.stdout.flush()
    states.after(event.key, after)


def _input(model: Model, event: Event, source: str) -> Array:
    """The event as a batch of one."""
    if not model.takes_indices:
        return np.array([event.values], dtype=model.dtype)
    (index,) = event.values
    if index != int(index) or index < 0:
        raise DataError(f"{source}, line {event.line}: {index:g} is not an index (0, 1, 2, ...).")
    return np.array([int(index)])
