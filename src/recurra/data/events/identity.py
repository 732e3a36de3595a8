"""Where an input was left, and whether another one is still the same up to there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from recurra.data.events.batch import Position
from recurra.data.events.feed import Feed
from recurra.errors import DataError

__all__ = ["bookmark", "end_of_line", "other_input", "position_in"]

HEAD = 1 << 16  # bytes at the beginning that must be the same
TAIL = 1 << 12  # and before the place where reading stopped


def bookmark(feed: Feed, position: Position) -> dict[str, Any]:
    """A position and, for a file, marks of its contents, as plain values."""
    return {**position._asdict(), "marks": _marks(feed, position)}


def position_in(feed: Feed, kept: Mapping[str, Any]) -> Position:
    """The position of a bookmark.

    Raises:
        DataError: the input is not the one that it was made in.
    """
    fields = {name: kept[name] for name in Position._fields}
    for name in ("header", "columns"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    position = Position(**fields)
    marks = _marks(feed, position)
    if marks != kept["marks"]:
        if marks is None or kept["marks"] is None:
            was, now = ("a pipe", "a file") if kept["marks"] is None else ("a file", "a pipe")
            raise DataError(other_input(feed.name, f"that was {was}, this is {now}"))
        if marks["size"] != kept["marks"]["size"]:
            raise DataError(other_input(feed.name, "it is shorter, or of another size"))
        raise DataError(other_input(feed.name, "its contents differ"))
    return position


def other_input(name: str, why: str) -> str:
    """That an input cannot be gone on with."""
    return (
        f"{name}: is not the input that was left in the middle: {why}. "
        f"Give that one, or read this one from its beginning without --resume."
    )


def end_of_line(feed: Feed, position: Position) -> int:
    """The bytes after a position that only end its last line, which had no end when it was read.

    Raises:
        DataError: that line goes on.
    """
    if feed.read_at(position.at - 1, 1) in (b"\n", b""):
        return 0
    after = feed.read_at(position.at, 2)
    for end in (b"\r\n", b"\n"):
        if after.startswith(end):
            return len(end)
    if after:
        raise DataError(
            f"{feed.name}, line {position.line}: has grown since it was answered, when it was the "
            f"last line and had no end."
        )
    return 0


def _marks(feed: Feed, position: Position) -> dict[str, Any] | None:
    """What the part of a file that was read is known by; None for a pipe."""
    if not feed.regular:
        return None
    size = feed.size()
    if position.format in ("parquet", "arrow"):  # they do not grow
        end = size
    else:
        end = position.at
        size = min(size, end)
    head = feed.read_at(0, min(HEAD, end))
    tail = feed.read_at(max(0, end - TAIL), min(TAIL, end))
    return {"size": size, "head": _digest(head), "tail": _digest(tail)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
