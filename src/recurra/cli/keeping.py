"""What `recurra stream --state FOLDER` keeps: states, and how far they have come in the input."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from recurra.cli.output import OutputFile, StandardOutput
from recurra.data import EventReader, Position
from recurra.errors import StateError
from recurra.streaming import Model
from recurra.streaming.store import LmdbStore
from recurra.streaming.streams import Streams

__all__ = ["ALONE", "Keeper", "Place", "open_store"]

ALONE = ""  # the key of a stream without keys; no event has an empty one

VERSION = 1


class Place(NamedTuple):
    """How far a run has come: what is committed together with the states."""

    input: dict[str, Any]  # the bookmark in the events
    key: str | None  # the column of the keys
    output: int | None = None  # bytes of the file of answers
    rejects: int | None = None  # bytes of the file of rejects

    def as_cursor(self) -> bytes:
        """As a store keeps it."""
        return json.dumps({"version": VERSION, **self._asdict()}).encode()

    @classmethod
    def in_cursor(cls, cursor: bytes | None, folder: Path) -> Place | None:
        """The place that a store was left in; None if it has none.

        Raises:
            StateError: another program's cursor is there.
        """
        if not cursor:
            return None
        try:
            said = json.loads(cursor)
            version = said.pop("version")
            if version == VERSION:
                return cls(**said)
        except (ValueError, KeyError, TypeError, AttributeError):
            version = None
        if version is None:
            raise StateError(
                f"{folder}: was not left by `recurra stream`: it keeps a position of another "
                f"program. Start without --resume."
            )
        raise StateError(f"{folder}: was left by a newer recurra. Update: pip install -U recurra.")


def open_store(folder: Path, model: Model, *, keyed: bool) -> LmdbStore:
    """The store of a model's states in a folder, which is made if it is not there.

    Raises:
        StateError: it holds states of another model, or with keys where there are none.
        StoreError: it cannot be used.
    """
    store = LmdbStore(folder, model)
    try:
        _check_keys(folder, store, keyed=keyed)
    except BaseException:
        store.close()
        raise
    return store


def _check_keys(folder: Path, store: LmdbStore, *, keyed: bool) -> None:
    count = len(store)
    alone = store.get_many([b"s"])[0] is not None
    if keyed and alone:
        raise StateError(f"{folder}: holds the state of a stream without keys. Leave out --key.")
    if not keyed and count > alone:
        first = next(key for key, _ in store.items() if key != b"s")
        raise StateError(
            f"{folder}: holds states by key ({count}, such as "
            f"{first[1:].decode('utf-8', 'replace')[:80]!r}). "
            f"Name the column of the keys with --key."
        )


class Keeper:
    """Commits states, the place in the input and the lengths of what was written, together.

    Args:
        streams: whose states.
        reader: the events.
        output: the answers.
        rejects: the file of rejects, if there is one.
        keeps: whether there is a store; without one nothing is committed.
        every: seconds between commits; 0 commits each batch.
        hold: whether answers are only given out when they are durable.
        key: the column of the keys.
    """

    def __init__(
        self,
        streams: Streams,
        reader: EventReader,
        output: OutputFile | StandardOutput,
        rejects: OutputFile | None,
        *,
        keeps: bool,
        every: float,
        hold: bool,
        key: str | None,
    ) -> None:
        self._streams = streams
        self._reader = reader
        self._output = output
        self._rejects = rejects
        self._keeps = keeps
        self._every = every
        self._hold = hold
        self._key = key
        self._held: list[bytes] = []
        self._since = time.monotonic()
        self._position: Position | None = None  # not yet committed
        self._running: Future[Any] | None = None

    def after(self, position: Position, answers: bytes) -> None:
        """A batch is stepped: give out its answers, and commit if it is time."""
        if self._hold:
            self._held.append(answers)
        elif answers:
            self._output.write(answers)
        if self._keeps:
            self._position = position
            self.perhaps()

    def perhaps(self) -> None:
        """Commit if it is time, and there is something new."""
        if self._position is None or time.monotonic() - self._since < self._every:
            return
        if self._running is None or self._running.done():
            self.commit(wait=self._hold or self._every == 0)

    def commit(self, *, wait: bool = True) -> None:
        """Make all that was stepped durable.

        Raises:
            StoreError: it could not be written.
        """
        if self._running is not None and (wait or self._running.done()):
            self._running.result()
            self._running = None
        if self._position is not None:
            self._running = self._streams.commit(self._place(), wait=wait)
            self._position = None
            self._since = time.monotonic()
        if wait:
            for answers in self._held:
                self._output.write(answers)
            self._held.clear()

    def abandon(self) -> None:
        """Let a commit under way end; nothing more will be committed."""
        if self._running is not None:
            self._running.exception()

    def _place(self) -> bytes:
        assert self._position is not None
        for file in (self._output, self._rejects):
            if file is not None:
                file.sync()
        return Place(
            self._reader.bookmark(self._position),
            self._key,
            self._output.length,
            None if self._rejects is None else self._rejects.length,
        ).as_cursor()
