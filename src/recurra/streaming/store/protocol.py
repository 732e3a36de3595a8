"""What keeps states beyond memory, as `Streams` sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Changes", "Store"]


class Changes(NamedTuple):
    """What one commit writes.

    A value is the time its key was last seen, in microseconds as an int64, then the bytes of its
    state; all little-endian.
    """

    keys: list[bytes]  # encoded, each once
    values: list[bytes | memoryview]  # one a key
    forgotten: list[bytes]  # keys that leave
    expired_before: int | None = None  # microseconds: what was last seen earlier may leave too


class Store(Protocol):
    """States by encoded key, and the position in the source that they belong to."""

    cursor: bytes | None  # of the last durable commit

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored values; None where there is none."""

    def commit(self, changes: Changes, cursor: bytes | None) -> None:
        """Write in one transaction, durable when it returns; a cursor of None keeps the old one.

        What it raises leaves the store as it was.
        """

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key with its value."""

    def __len__(self) -> int:
        """How many keys there are."""

    def close(self) -> None:
        """Let go of it; closing twice does nothing."""
