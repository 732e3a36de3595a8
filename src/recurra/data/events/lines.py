"""Complete lines of an input, in lots that are as large as time allows."""

from __future__ import annotations

import time
import zlib

from recurra.data.events.feed import Feed

__all__ = ["LONGEST", "Lines"]

LONGEST = 1 << 24  # bytes of a line; what is longer is not kept


class Lines:
    """Lines without their ends. They are looked at in lots, and gone when taken.

    Args:
        feed: where they come from.
        at: the offset in bytes where reading begins.
        number: the lines before it.

    Attributes:
        at: the bytes taken.
        number: the lines taken.
        ended: whether no more will come.
        checksum: of the lines taken, where they cannot be read again to be compared.
    """

    def __init__(self, feed: Feed, at: int = 0, number: int = 0) -> None:
        self.at = at
        self.number = number
        self.ended = False
        self.checksum = 0
        self._feed = feed
        self._ready: list[bytes] = []
        self._taken = 0  # of those ready
        self._rest = b""  # a line whose end has not come
        self._open_end = 0  # 1 when the last line of all had no end
        self._dropped = 0  # bytes of `_rest` not kept
        self._cut: dict[int, int] = {}  # lines not kept whole: number -> bytes dropped

    @property
    def left(self) -> int:
        """The lines that are here and not taken."""
        return len(self._ready) - self._taken

    def lot(
        self, most: int, delay: float, idle: float | None = None, *, beyond: int = 0
    ) -> list[bytes]:
        """The next lines.

        Args:
            most: lines.
            delay: seconds to wait for more after the first.
            idle: seconds to wait for the first; None waits for ever.
            beyond: lines that are known and too few.

        Returns:
            Up to ``most`` lines, no more than ``beyond`` when ``idle`` is over, none at the end.
        """
        deadline: float | None = None
        while not self.ended and (there := self.left) < most:
            if there > beyond:
                now = time.monotonic()
                deadline = now + delay if deadline is None else deadline
                chunk = self._feed.read(max(0.0, deadline - now))
            else:
                chunk = self._feed.read(idle)
            if chunk is None:
                break
            self._add(chunk)
            if deadline is not None and time.monotonic() >= deadline:
                break
        return self._ready[self._taken : self._taken + most]

    def take(self, count: int) -> None:
        """Leave so many lines behind."""
        end = self._taken + count
        lines = self._ready[self._taken : end]
        self.at += sum(map(len, lines)) + count
        if not self._feed.regular:
            self.checksum = zlib.crc32(b"\n".join([*lines, b""]), self.checksum)
        for number in [each for each in self._cut if each <= self.number + count]:
            self.at += self._cut.pop(number)
        self.number += count
        self._taken = end
        if end == len(self._ready):
            self._ready, self._taken = [], 0
            if self.ended:
                self.at -= self._open_end
                self._open_end = 0
        elif end > 1 << 16:
            del self._ready[:end]
            self._taken = 0

    def _add(self, chunk: bytes) -> None:
        if not chunk:
            self.ended = True
            if self._rest and not self._feed.stopped:
                self._open_end = 1
                self._note_cut()
                self._ready.append(self._rest)
                self._rest = b""
            return
        lines = (self._rest + chunk).split(b"\n")
        if len(lines) > 1:
            self._note_cut()
        self._rest = lines.pop()
        self._ready += lines
        if len(self._rest) > LONGEST:
            self._dropped += len(self._rest) - LONGEST - 1
            self._rest = self._rest[: LONGEST + 1]

    def _note_cut(self) -> None:
        """The line that is now whole was not kept whole."""
        if self._dropped:
            number = self.number + self.left + 1
            self._cut[number] = self._dropped
            self._dropped = 0
