"""What runs a model's arithmetic, seen from numpy.

`recurra.streaming` talks to an `Engine` and to nothing below it. The one there is now runs torch's
layers as they are: `recurra.engine.eager`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Engine", "Slot"]

Array = NDArray[Any]


class Slot(NamedTuple):
    """One named array of a state, without its batch axis."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Engine(Protocol):
    """A model ready to run.

    The state is the engine's own and opaque: it never changes in place, and shares no memory with
    any array that came in or went out. Arguments are checked by the caller, except where an error
    is named.
    """

    signature: str  # the model as one would write it, for messages
    input_size: int | None  # features of x, None where any number will do
    output_size: int | None  # features of y, None where that is not known without an input
    event_dims: int  # 1 where an event is features, 0 where it is an index
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
        """Whole sequences: x (batch, time, feature). Raises ShapeError."""

    def take(self, arrays: Mapping[str, Array]) -> Any:
        """The state that holds these arrays, slots (batch, ...)."""

    def give(self, state: Any) -> dict[str, Array]:
        """The arrays that a state holds, slots (batch, ...)."""
