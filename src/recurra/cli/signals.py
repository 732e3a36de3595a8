"""Ctrl-C, SIGTERM and SIGHUP: they end the wait for events, never the work on some."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Stopping"]

# SIGHUP: a terminal that was closed; not every platform has it.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopping:
    """While it is entered, a signal ends nothing but is noted, and wakes whoever waits.

    A second Ctrl-C is a KeyboardInterrupt: what hangs can be left.

    Attributes:
        asked: the first signal that came, or None.
        wake: a descriptor that can be read from then on.

    >>> with Stopping() as stopping:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stopping.asked.name
    'SIGTERM'
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self._former: dict[int, Callable[..., Any] | int | None] = {}

    def __enter__(self) -> Stopping:
        self.wake, self._waker = os.pipe()
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
        os.close(self.wake)
        os.close(self._waker)

    @property
    def exit_code(self) -> int:
        """The one shells give to a command that a signal ended; 0 if none did."""
        return 0 if self.asked is None else 128 + self.asked

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked is None:
            self.asked = signal.Signals(number)
            os.write(self._waker, b"!")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
