"""What runs a model's arithmetic, seen from numpy.

`recurra.streaming` talks to an `Engine` and to nothing below it. `recurra.engine.runtime` runs a
model's program natively, without torch; `recurra.engine.eager` runs torch's layers as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Engine", "KeyedStepper", "Raw", "Slot", "Stepper"]

Array = NDArray[Any]
Raw = tuple[
    str, tuple[int, ...], "bytes | bytearray | memoryview"
]  # safetensors' type, shape, data


class Slot(NamedTuple):
    """One named array of a state, without its batch axis."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Stepper(Protocol):
    """One state, without a batch axis, that is moved on in place."""

    def step(self, x: Array, /) -> Array | None:
        """One event: x (feature,), y (feature,).

        None, and the state as it was, where x is not an array of exactly the engine's shape and
        type whose elements lie together.
        """

    def run(self, xs: Array) -> Array:
        """Events one after the other: xs (time, feature), y (time, feature)."""

    def peek(self, x: Array) -> Array:
        """What `step` would answer; the state stays."""

    def take(self, arrays: Mapping[str, Array]) -> None:
        """Go on from these arrays."""

    def give(self) -> dict[str, Array]:
        """Copies of the arrays of the state."""

    def reset(self) -> None:
        """Go back to H_0."""


class KeyedStepper(Protocol):
    """Steps batches of events by key."""

    def step(self, table: Any, xs: Array, only_finite: bool, now: int) -> Array:
        """The batch that a table has resolved: xs (batch, feature), lying together, to y.

        The states of its keys are moved on in the table, seen at a time in microseconds; with
        `only_finite` not by an event whose answer is not finite.
        """


class Engine(Protocol):
    """A model ready to run.

    The state is the engine's own and opaque: it never changes in place, and shares no memory with
    any array that came in or went out. Arguments are checked by the caller. Threads may share it.
    """

    name: str  # "native" or "torch"
    signature: str  # the model as one would write it, for messages
    input_size: int | None  # features of x, None where any number will do
    output_size: int | None  # features of y, None where that is not known without an input
    event_dims: int  # 1 where an event is features, 0 where it is an index
    indices: int | None  # how many there are to choose from, None where that is not known
    input_type: np.dtype[Any]
    output_type: np.dtype[Any]
    slots: Mapping[str, Slot]  # in order
    parameters: int  # trained numbers

    def check_streamable(self) -> None:
        """Raises NotStreamableError where a step cannot be answered without later ones."""

    def equations(self) -> Mapping[str, str]:
        """What each kind of cell computes, by its name."""

    def start(self, batch: int) -> Any:
        """H_0."""

    def step(self, state: Any, x: Array) -> tuple[Array, Any]:
        """One event a row: x (batch, feature), y (batch, feature)."""

    def run(
        self, x: Array, state: Any, lengths: Array | None, reset: Array | None
    ) -> tuple[Array, Any]:
        """Whole sequences: x (batch, time, feature)."""

    def take(self, arrays: Mapping[str, Array]) -> Any:
        """The state that holds these arrays, slots (batch, ...)."""

    def give(self, state: Any) -> dict[str, Array]:
        """The arrays that a state holds, slots (batch, ...)."""

    def stepper(self) -> Stepper:
        """A state of one row at H_0, to be moved on."""

    def keyed_stepper(self, rows: int) -> KeyedStepper | None:
        """What steps so many keys side by side; None where only `step` does."""
