"""Ctrl-C, SIGTERM and SIGHUP: they end the wait for an event, never the work on one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

__all__ = ["Stopped", "Stopping"]

T = TypeVar("T")
# SIGHUP: a terminal that was closed; not every platform has it.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(BaseException):
    """A signal asked for the end.

    Attributes:
        signal: which.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """The one shells give to a command that a signal ended."""
        return 128 + self.signal


class Stopping:
    """While it is entered, signals raise `Stopped`, but only out of `each`.

    >>> with Stopping() as stopping:
    ...     for number in stopping.each([1, 2, 3]):
    ...         signal.raise_signal(signal.SIGINT)  # the work on 1 is finished first
    ...         print(number)
    Traceback (most recent call last):
    recurra.cli.signals.Stopped: 2
    """

    def __init__(self) -> None:
        self._waiting = False
        self._asked: int | None = None
        self._former: dict[int, Callable[..., Any] | int | None] = {}

    def __enter__(self) -> Stopping:
        for number in _SIGNALS:
            # A signal that the parent chose to ignore stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)

    def each(self, items: Any) -> Iterator[Any]:
        """The items, with every wait for one open to signals.

        Raises:
            Stopped: a signal came, now or while the item before was worked on.
        """
        source = iter(items)
        while True:
            self._waiting = True
            try:
                # A signal between this line and the next raises by itself, as we are waiting.
                if self._asked is not None:
                    raise Stopped(self._asked)
                item = next(source)
            except StopIteration:
                return
            finally:
                self._waiting = False
            yield item

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = number
        if self._waiting:
            raise Stopped(number)
