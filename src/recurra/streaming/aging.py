"""Time that never goes backwards, and how long a key lives."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["NEVER", "Aging"]

NEVER = -(1 << 63)  # before any time
FOREVER = 1e12  # seconds, 30,000 years: as microseconds it fits 64 bits


class Aging:
    """When keys are too old.

    Args:
        clock: seconds now; it may go backwards.
        ttl: seconds that a key lives after it was last seen; None is for ever.

    Raises:
        ValueError: the time to live makes no sense.

    >>> aging = Aging(lambda: 5.0, ttl=2)
    >>> aging.latest = aging.at(7)
    >>> aging.at(None), aging.oldest(aging.latest)
    (7000000, 5000000)
    """

    def __init__(self, clock: Callable[[], float], ttl: float | None) -> None:
        if ttl is not None and not 0 < ttl < FOREVER:
            raise ValueError(f"Streams: ttl is {ttl}, expected seconds above 0.")
        self._clock = clock
        self._ttl = None if ttl is None else _micro(ttl)
        self.ends = ttl is not None  # whether keys ever grow too old
        self.latest = NEVER  # that anything has happened, in microseconds

    def at(self, now: float | None) -> int:
        """Microseconds: of a time in seconds or of the clock, but not before the latest.

        Raises:
            ValueError: it is no time.
        """
        seconds = self._clock() if now is None else now
        if not abs(seconds) < FOREVER:
            raise ValueError(f"Streams: now is {seconds}, expected seconds.")
        return max(self.latest, _micro(seconds))

    def oldest(self, at: int) -> int:
        """When a key must have been seen to be alive at a time."""
        return NEVER if self._ttl is None else max(NEVER, at - self._ttl)


def _micro(seconds: float) -> int:
    return int(seconds * 1e6)
