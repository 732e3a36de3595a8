"""Stores to try, and a plain dict to compare them with."""

import struct
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from recurra.engine import Slot
from recurra.errors import StoreError
from recurra.streaming.store import Changes


def a_model(elements: int = 4, *, fingerprint: str = "f" * 64):
    """What a store asks of a model."""
    slots = {"0.h": Slot((elements,), np.dtype("float32"))}
    return SimpleNamespace(fingerprint=fingerprint, slots=slots)


def number(value: int) -> bytes:
    """An encoded key."""
    return b"i" + struct.pack(">Q", value + 2**63)


def value_of(seen: int, *numbers: float) -> bytes:
    """A time and a state."""
    return struct.pack(f"<q{len(numbers)}f", seen, *numbers)


A, B, C = number(1), b"spump-7", b"b\0\xff"


def data_of(folder: Path) -> Path:
    return folder / "data.mdb"


def changes(written=(), gone=(), expired_before=None):
    """What a commit writes, from a dict."""
    written = dict(written)
    return Changes(list(written), list(written.values()), list(gone), expired_before)


def names_in(folder):
    """The files of a folder."""
    return sorted(path.name for path in folder.iterdir())


class DictStore:
    """A store that is a dict, keeps every commit, and can be told to fail or to wait."""

    def __init__(self) -> None:
        self.cursor: bytes | None = None
        self.values: dict[bytes, bytes] = {}
        self.commits: list[Changes] = []
        self.failing = False
        self.closed = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.writing = threading.Event()

    def get_many(self, keys):
        return [self.values.get(key) for key in keys]

    def commit(self, changes, cursor):
        self.writing.set()
        assert self.may_go_on.wait(10)
        if self.failing:
            raise StoreError("states: the disk is full.")
        self.values.update((k, bytes(v)) for k, v in zip(changes.keys, changes.values, strict=True))
        for key in changes.forgotten:
            self.values.pop(key, None)
        self.commits.append(changes)
        self.cursor = self.cursor if cursor is None else cursor

    def items(self):
        return iter(self.values.items())

    def __len__(self):
        return len(self.values)

    def close(self):
        self.closed = True
