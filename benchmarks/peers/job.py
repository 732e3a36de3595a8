"""What a peer makes of a case: something to call again and again, and its answer to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from benchmarks.harness.case import Case
from benchmarks.harness.data import Array

__all__ = ["Answer", "Job", "NotSupportedError", "Peer"]

Answer = dict[str, Array]


class NotSupportedError(Exception):
    """The peer has nothing that computes this case."""


class Job(NamedTuple):
    """A case made ready.

    Answers are ``y`` (batch, time, size), and of a training step the gradients ``dx`` and ``dW``,
    ``dR``, ... by the letters of the weights. In a step case they are those of the first steps.
    """

    run: Callable[[], Any]  # what is timed
    answer: Callable[[], Answer]
    steps: int = 1  # that a call of `run` takes, where a step is the case
    note: str = ""  # such as which engine runs it
    halves: tuple[Callable[[], Any], Callable[[Any], Any]] | None = None  # forward, backward


class Peer(Protocol):
    """A module of this folder."""

    def versions(self) -> dict[str, str]:
        """Of the libraries that do the work."""

    def make(self, case: Case) -> Job:
        """Raises NotSupportedError."""
