"""A trained model to run: numpy in, numpy out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from recurra.errors import ShapeError, StateError
from recurra.streaming.arrays import as_array
from recurra.streaming.pages import page

if TYPE_CHECKING:
    from recurra.engine import Array, Engine, Slot
    from recurra.streaming.committing import CommitEvery
    from recurra.streaming.metrics import Metrics
    from recurra.streaming.stream import Stream
    from recurra.streaming.streams import Streams

__all__ = ["Model", "State"]

State: TypeAlias = "dict[str, Array]"


class Model:
    """A model read from a file by `recurra.load`.

    A state is a dict of arrays, by the dotted names of its slots: ``{"0.h": ..., "0.c": ...}``.
    What comes in and goes out shares no memory with the model, and the model itself never changes,
    so that threads may share it. Any array in the CPU's memory that exports dlpack, such as a torch
    tensor, is taken as it is; what comes out is numpy's, for ``torch.from_dlpack`` and others.

    Attributes:
        notes: what was saved with the model.
        fingerprint: 64 hex digits over the model's description and weights, not its notes. A state
            is bound to it.
        slots: the shape and type of each array of a state, without its batch axis.
        input_size: features of x, or None where the model takes any number.
        output_size: features of y, or None where that depends on the input.
        takes_indices: whether an event is one whole number, for an embedding, instead of features.
        parameters: how many trained numbers it has.
        engine: what runs it, "native" or "torch".
        untraced: why the native engine does not; empty where it does.

    >>> import numpy as np, torch, recurra as rc
    >>> rc.save(rc.Stack(rc.Recurrent(rc.cells.LSTM(3, 8)), torch.nn.Linear(8, 1)), "m.recurra")
    >>> model = rc.load("m.recurra")
    >>> y, state = model.run(np.zeros((2, 5, 3)))
    >>> y.shape, list(state), state["0.c"].shape
    ((2, 5, 1), ['0.h', '0.c'], (2, 8))
    >>> y, state = model.step(state, np.ones((2, 3)))
    >>> y.shape
    (2, 1)
    """

    def __init__(
        self,
        engine: Engine,
        tree: dict[str, Any],
        notes: dict[str, Any],
        fingerprint: str,
        untraced: str = "",
    ) -> None:
        self.notes = notes
        self.fingerprint = fingerprint
        self.slots: Mapping[str, Slot] = engine.slots
        self.input_size = engine.input_size
        self.output_size = engine.output_size
        self.takes_indices = engine.event_dims == 0
        self.parameters = engine.parameters
        self.dtype = engine.output_type
        self.engine = engine.name
        self.untraced = untraced
        self._engine = engine
        self._tree = tree
        self._one_event = (
            () if self.takes_indices else None if self.input_size is None else (self.input_size,)
        )

    def __repr__(self) -> str:
        return f"Model({self._engine.signature}, fingerprint={self.fingerprint[:12]!r})"

    def initial_state(self, batch: int) -> State:
        """H_0 for a number of rows, slots (batch, ...)."""
        return self._engine.give(self._engine.start(batch))

    def step(self, state: Mapping[str, ArrayLike] | None, x: ArrayLike) -> tuple[Array, State]:
        """One event for each row.

        Args:
            state: the state before it, slots (batch, ...); None starts at H_0.
            x: (batch, feature).

        Returns:
            The answers (batch, feature) and the state after them.

        Raises:
            ShapeError: x has the wrong shape or type.
            IndexError: an index is not one of the embedding's.
            StateError: the state is not this model's, or of another number of rows.
            NotStreamableError: the model answers only when it knows what comes later.
        """
        self._engine.check_streamable()
        events = self._events(x, 1)
        y, after = self._engine.step(self._before(state, (len(events),)), events)
        return y, self._engine.give(after)

    def run(
        self,
        x: ArrayLike,
        state: Mapping[str, ArrayLike] | None = None,
        lengths: ArrayLike | None = None,
        reset: ArrayLike | None = None,
    ) -> tuple[Array, State]:
        """Whole sequences.

        Args:
            x: (batch, time, feature), or (time, feature) for one sequence.
            state: what an earlier call gave back, to go on from there; None starts at H_0.
            lengths: (batch,), the real steps of each row. Answers past them are zeros.
            reset: (batch, time) of booleans; where true the state is set to H_0 before that step.

        Returns:
            y (batch, time, feature) and the state after the last step, slots (batch, ...). For x
            without a batch axis nothing has one.

        Raises:
            ShapeError: an argument has the wrong shape or type.
            IndexError: an index is not one of the embedding's.
            StateError: the state is not this model's.
        """
        x = self._array("x", x)
        one = x.ndim == self._engine.event_dims + 1
        events = self._events(x, 1 if one else 2)
        if one:
            if lengths is not None:
                raise ShapeError(
                    f"{self._engine.signature}: lengths is given for x of shape {events.shape}, "
                    f"which has no batch axis. Cut x at its length instead."
                )
            events = events[None]
            reset = None if reset is None else self._array("reset", reset)[None]
        y, after = self._engine.run(
            events,
            self._before(state, () if one else (len(events),)),
            None if lengths is None else self._lengths(lengths, *events.shape[:2]),
            None if reset is None else self._resets(reset, events.shape[:2]),
        )
        final = self._engine.give(after)
        return (y[0], {name: slot[0] for name, slot in final.items()}) if one else (y, final)

    def stream(self, state: Mapping[str, ArrayLike] | None = None) -> Stream:
        """A stream of events that starts at H_0, or at a given state without a batch axis.

        Raises:
            NotStreamableError: the model answers only when it knows what comes later.
            StateError: the state is not this model's.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
        >>> stream = rc.load("repeats.recurra").stream()
        >>> [float(stream.step(x)[0]) for x in ([0, 1], [0, 1], [1, 0])]
        [0.0, 1.0, 0.0]
        """
        from recurra.streaming.stream import Stream

        return Stream(self, state)

    def streams(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        commit_every: CommitEvery = "batch",
        max_keys: int | None = None,
        ttl: float | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
    ) -> Streams:
        """One state per key, in memory, or in a folder too where they outlive the process.

        Args:
            path: the folder of the store; it is made where there is none. None is memory only.
            commit_every: "batch", a number of milliseconds, or None for commits by hand.
            max_keys: how many keys memory holds.
            ttl: seconds after which a key that was not seen is forgotten.
            clock: seconds now.
            metrics: where to count; None makes one.

        The options are told at `Streams`.

        Raises:
            NotStreamableError: the model answers only when it knows what comes later.
            StateError: the states in the folder were made under another model.
            StoreFileError: the folder is damaged, or not a store.
            StoreLockedError: another process uses it.
            MissingExtraError: lmdb is not installed.

        >>> import recurra as rc
        >>> rc.save(rc.Recurrent(rc.cells.Repeats(2)), "repeats.recurra")
        >>> model = rc.load("repeats.recurra")
        >>> with model.streams("states") as streams:
        ...     y = streams.step(["a", "b"], [[0, 1], [1, 0]])
        >>> with model.streams("states") as streams:
        ...     streams.step(["b", "a"], [[0, 1], [0, 1]]).ravel().tolist()
        [0.0, 1.0]
        """
        from recurra.streaming.store import LmdbStore
        from recurra.streaming.streams import Streams

        store = None if path is None else LmdbStore(path, self)
        try:
            return Streams(
                self,
                store,
                commit_every=commit_every,
                max_keys=max_keys,
                ttl=ttl,
                clock=clock,
                metrics=metrics,
                owns_store=True,
            )
        except BaseException:
            if store is not None:
                store.close()
            raise

    def describe(self) -> str:
        """What the model is, on a page of text: layers, sizes, state and equations."""
        return page(self._engine, self._tree, self.fingerprint, self.untraced)

    def _array(self, name: str, given: ArrayLike) -> Array:
        return as_array(given, self._engine.signature, name)

    def _before(self, state: Mapping[str, ArrayLike] | None, batch: tuple[int, ...]) -> Any:
        """The engine's state for a number of rows; ``()`` is one row without a batch axis."""
        if state is None:
            return self._engine.start(batch[0] if batch else 1)
        arrays = self._check_state(state, batch)
        return self._engine.take(arrays if batch else {k: a[None] for k, a in arrays.items()})

    def _check_state(self, state: Mapping[str, ArrayLike], batch: tuple[int, ...]) -> State:
        if set(state) != set(self.slots):
            raise StateError(
                f"{self._engine.signature}: state has slots {', '.join(state) or 'none'}, expected "
                f"{', '.join(self.slots) or 'none'}. Pass what the model returned."
            )
        arrays = {}
        for name, slot in self.slots.items():
            array = self._array(f"state {name!r}", state[name])
            wanted = (*batch, *slot.shape)
            if array.shape != wanted:
                raise StateError(
                    f"{self._engine.signature}: state has {name} of shape {array.shape}, "
                    f"expected {wanted}."
                )
            if not np.can_cast(array.dtype, slot.dtype, "same_kind"):
                raise StateError(
                    f"{self._engine.signature}: state has {name} of {array.dtype}, "
                    f"expected {slot.dtype}."
                )
            arrays[name] = np.ascontiguousarray(array, slot.dtype).reshape(wanted)
        return arrays

    def _events(self, x: ArrayLike, leading: int) -> Array:
        """The engine's x, checked; so many axes come before those of one event."""
        events = self._array("x", x)
        if events.dtype.kind not in ("iu" if self.takes_indices else "fiub"):
            wanted = "whole numbers" if self.takes_indices else "numbers"
            raise ShapeError(f"{self._engine.signature}: x is {events.dtype}, expected {wanted}.")
        wanted_shape = self._one_event
        if (
            events.ndim != leading + self._engine.event_dims
            if wanted_shape is None
            else events.shape[leading:] != wanted_shape or events.ndim < leading
        ):
            raise ShapeError(self._wrong_shape(events.shape, leading))
        if self._engine.indices is not None:
            self._check_indices(events, self._engine.indices)
        return events.astype(self._engine.input_type, copy=False)

    def _check_indices(self, events: Array, count: int) -> None:
        low, high = (int(events.min()), int(events.max())) if events.size else (0, 0)
        if low < 0 or high >= count:
            raise IndexError(
                f"{self._engine.signature}: x holds the index {low if low < 0 else high}, expected "
                f"0 to {count - 1}."
            )

    def _lengths(self, lengths: ArrayLike, batch: int, time: int) -> Array:
        steps = self._of_kind("lengths", lengths, "iu", "whole numbers of steps")
        if steps.shape != (batch,):
            raise ShapeError(
                f"{self._engine.signature}: lengths has shape {steps.shape}, expected ({batch},), "
                f"one number a row of x."
            )
        low, high = (int(steps.min()), int(steps.max())) if batch else (0, 0)
        if low < 0 or high > time:
            raise ShapeError(
                f"{self._engine.signature}: lengths go from {low} to {high}, expected 0 to {time}, "
                f"the time steps of x."
            )
        return steps

    def _resets(self, reset: ArrayLike, shape: tuple[int, ...]) -> Array:
        flags = self._of_kind("reset", reset, "b", "booleans")
        if flags.shape != shape:
            raise ShapeError(
                f"{self._engine.signature}: reset has shape {flags.shape}, expected {shape}, "
                f"a flag for every row and step of x."
            )
        return flags

    def _of_kind(self, name: str, values: ArrayLike, kinds: str, wanted: str) -> Array:
        array = self._array(name, values)
        if array.size and array.dtype.kind not in kinds:  # an empty list is read as floats
            raise ShapeError(
                f"{self._engine.signature}: {name} is {array.dtype}, expected {wanted}."
            )
        return np.ascontiguousarray(array, np.int64 if kinds == "iu" else np.bool_)

    def _wrong_shape(self, shape: tuple[int, ...], leading: int) -> str:
        axes = [["batch"], ["batch", "time"]][leading - 1] if leading else []
        if not self.takes_indices:
            axes = [*axes, "feature" if self.input_size is None else str(self.input_size)]
        repair = "An event is one index." if self.takes_indices else "The last axis holds features."
        return (
            f"{self._engine.signature}: x has shape {shape}, expected ({', '.join(axes)}). {repair}"
        )
