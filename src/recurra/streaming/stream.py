"""One state being fed events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from recurra.streaming.snapshot import pack_snapshot
from recurra.streaming.statefile import unpack_states

if TYPE_CHECKING:
    from recurra.engine import Array
    from recurra.streaming.model import Model, State

__all__ = ["Stream"]


class Stream:
    """One state, fed one event at a time.

    A step that raises leaves the state as it was. Two streams never share a state; one stream is
    not for two threads at once.

    Args:
        model: what `recurra.load` gave.
        state: where to start, slots without a batch axis; None is H_0.

    Raises:
        NotStreamableError: the model answers only when it knows what comes later.
        StateError: the state is not this model's.

    >>> import recurra as rc
    >>> rc.save(rc.Recurrent(rc.cells.Seen(3)), "seen.recurra")
    >>> stream = rc.load("seen.recurra").stream()
    >>> float(stream.step([0, 1, 0])[0]), float(stream.step([0, 1, 0])[0])
    (0.0, 1.0)
    >>> saved, twin = stream.snapshot(), stream.fork()
    >>> stream.reset()
    >>> float(stream.step([0, 1, 0])[0]), float(twin.step([0, 1, 0])[0])
    (0.0, 1.0)
    >>> stream.restore(saved)
    >>> stream.state["seen"].tolist()
    [0.0, 1.0, 0.0]
    """

    __slots__ = ("_step", "_stepper", "model")

    def __init__(self, model: Model, state: Mapping[str, ArrayLike] | None = None) -> None:
        self.model = model
        model._engine.check_streamable()
        self._stepper = model._engine.stepper()
        self._step = self._stepper.step
        if state is not None:
            self.state = state

    def __repr__(self) -> str:
        return f"Stream({self.model!r})"

    def step(self, x: ArrayLike) -> Array:
        """Take one event and answer it.

        A value that is not finite goes into the model like any other and may stay in its state
        for good; it is the command line that refuses it. Check with ``np.isfinite`` where x can
        hold one.

        Args:
            x: (feature,), or one index where the model takes indices.

        Returns:
            The answer, (feature,).

        Raises:
            ShapeError: x has the wrong shape or type.
            IndexError: x is an index that the model's embedding does not have.
        """
        y = self._step(x)  # type: ignore[arg-type]
        if y is None:  # x is not yet an array as the engine takes it
            y = self._step(self._event(x))
        return y  # type: ignore[return-value]

    def _event(self, x: ArrayLike) -> Array:
        return np.array(self.model._events(x, 0), order="C")

    def steps(self, xs: ArrayLike) -> Array:
        """Take events one after the other: the bits of so many calls of `step`, but faster.

        Args:
            xs: (time, feature).

        Returns:
            The answers, (time, feature).
        """
        return self._stepper.run(self.model._events(xs, 1))

    def peek(self, x: ArrayLike) -> Array:
        """The answer that `step` would give; the state stays as it is.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Seen(2)), "seen.recurra")
        >>> stream = rc.load("seen.recurra").stream()
        >>> [float(stream.peek([0, 1])[0]) for _ in range(2)]
        [0.0, 0.0]
        """
        return self._stepper.peek(self._event(x))

    def over(self, events: Iterable[ArrayLike]) -> Iterator[Array]:
        """Answer each event of an iterator, endless ones too, as soon as it comes.

        >>> import itertools, recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
        >>> answers = rc.load("repeats.recurra").stream().over(itertools.repeat([0, 1]))
        >>> float(next(answers)[0]), float(next(answers)[0])
        (0.0, 1.0)
        """
        return (self.step(x) for x in events)

    @property
    def state(self) -> State:
        """The state now: arrays by slot name, without a batch axis. They are copies.

        Assigning checks slots, shapes and types, and raises `StateError` where they differ.
        """
        return self._stepper.give()

    @state.setter
    def state(self, state: Mapping[str, ArrayLike]) -> None:
        self._stepper.take(self.model._check_state(state, ()))

    def reset(self) -> None:
        """Go back to H_0."""
        self._stepper.reset()

    def fork(self) -> Stream:
        """A stream that goes on from here by itself."""
        return Stream(self.model, self.state)

    def snapshot(self) -> bytes:
        """The state as bytes: 48 more than the state itself.

        They hold the model's fingerprint and a checksum, and are the same on every machine.
        """
        return pack_snapshot(self.model, self.state)

    def restore(self, snapshot: bytes) -> None:
        """Take the state from a snapshot.

        Raises:
            StateError: it was taken under another model, or is of more than one stream.
            ModelFileError: it is truncated, altered, of a newer version or not ours. Either way
                the state stays as it was.
        """
        (state,) = unpack_states(self.model, snapshot, "the snapshot", one=True).values()
        self.state = state
