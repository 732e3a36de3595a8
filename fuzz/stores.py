"""Offers changed store files: each is refused with an error of ours, or taken and is a store.

LMDB believes what it reads, so that a file that is wrongly let through may end the process. It is
kept: last.mdb in the folder.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import struct
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import lmdb
import numpy as np

from fuzz.mutate import mutate
from recurra.engine import Slot
from recurra.errors import StateError, StoreError
from recurra.streaming.store import Changes, LmdbStore
from recurra.streaming.store.records import ABOUT, sealed, sign

PAGE = 4096
ELEMENTS = (3, 1500)  # of a state; large ones take pages of their own
WORDS = [
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    255,
    4095,
    4096,
    0x7FFF,
    0xFFFF,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
]
LONGEST = 20  # seconds for one file


def model_of(elements: int) -> Any:
    """What a store asks of a model."""
    slots = {"0.h": Slot((elements,), np.dtype("float32"))}
    return SimpleNamespace(fingerprint=64 * "f", slots=slots)


def write_store(folder: Path, elements: int, random: random.Random) -> None:
    """A store with a past, so that it has free pages too."""
    with LmdbStore(folder, model_of(elements)) as store:
        for turn in range(6):
            keys = [
                b"s%d" % random.randrange(100) + b"k" * random.choice([1, 300, 600])
                for _ in range(20)
            ]
            new = {key: struct.pack("<q", turn) + random.randbytes(4 * elements) for key in keys}
            gone = [key for key, _ in store.items() if random.random() < 0.3]
            store.commit(Changes(list(new), list(new.values()), gone), b"line %d" % turn)


def forge(folder: Path, random: random.Random) -> None:
    """Write something else into a store's folder by LMDB, with checksums that are right."""
    with lmdb.open(str(folder), lib_version=0) as env, env.begin(write=True) as txn:
        sign(txn)
        about = mutate(json.loads(txn.get(ABOUT)[4:]), random)
        key = random.choice([ABOUT, ABOUT, b"", b"sx", b"L" + 32 * b"x", b"\0cursor", b"q", b"i1"])
        value = (
            json.dumps(about).encode() if key == ABOUT else random.randbytes(random.randrange(40))
        )
        if key:
            txn.put(key, sealed(key, value) if random.random() < 0.9 else value)
        else:
            txn.delete(random.choice([ABOUT, b"\0commit", b"\0cursor"]))


def mutate_pages(data: bytes, random: random.Random) -> bytes:
    """A copy with words of its pages changed, pages exchanged, or its end cut."""
    changed = bytearray(data)
    pages = len(changed) // PAGE
    for _ in range(random.randint(1, 3)):
        page = PAGE * random.choice([0, 1, *range(pages)])
        dice = random.random()
        if dice < 0.6:  # of the header, a meta page, or the node pointers
            size = random.choice([1, 2, 2, 4, 8])
            place = page + 2 * random.randrange(90 if dice < 0.45 else PAGE // 2 - 4)
            word = random.choice(WORDS) if random.random() < 0.7 else random.randrange(pages + 2)
            changed[place : place + size] = (word % 256**size).to_bytes(size, "little")
        elif dice < 0.8:
            changed[page + random.randrange(PAGE)] ^= 1 << random.randrange(8)
        else:
            other = PAGE * random.randrange(pages)
            changed[page : page + PAGE] = changed[other : other + PAGE]
    if random.random() < 0.1:
        del changed[
            random.choice([PAGE * random.randrange(pages), random.randrange(len(changed))]) :
        ]
    return bytes(changed)


def check(folder: Path, elements: int) -> dict[bytes, bytes] | None:
    """What is in a folder that was taken as a store, which it then is."""
    try:
        with LmdbStore(folder, model_of(elements)) as store:
            found = dict(store.items())
            assert store.get_many(list(found)) == list(found.values())
            store.commit(Changes([b"snew"], [bytes(8 + 4 * elements)], list(found)[:3]), b"there")
            store.check()
        return found
    except (StoreError, StateError) as error:
        told = str(error)
    assert "\n" not in told
    return None


class Whole(NamedTuple):
    """A store as it was written."""

    folder: Path
    elements: int
    states: dict[bytes, bytes]


def whole(folder: Path, elements: int) -> Whole:
    shutil.rmtree(folder, ignore_errors=True)
    write_store(folder, elements, random.Random(elements))
    with LmdbStore(folder) as store:
        return Whole(folder, elements, dict(store.items()))


def offer(store: Whole, folder: Path, random: random.Random) -> bool:
    """Change a copy and see whether it is taken; damage that is, has harmed nothing."""
    offered = folder / "offered"
    shutil.rmtree(offered, ignore_errors=True)
    shutil.copytree(store.folder, offered)
    forged = random.random() < 0.3
    if forged:
        forge(offered, random)
    else:
        data = (offered / "data.mdb").read_bytes()
        (offered / "data.mdb").write_bytes(mutate_pages(data, random))
    shutil.copy(offered / "data.mdb", folder / "last.mdb")
    found = check(offered, store.elements)
    assert found is None or forged or found == store.states
    return found is not None


def main(
    folder: Path, seconds: float = float("inf"), most: float = float("inf")
) -> tuple[int, int]:
    """How many files were tried, and how many of them taken."""
    folder.mkdir(parents=True, exist_ok=True)
    stores = [whole(folder / f"whole-{elements}", elements) for elements in ELEMENTS]
    end, tried, taken = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end and tried < most:
        signal.alarm(LONGEST)
        taken += offer(stores[tried % len(stores)], folder, random.Random(tried))
        tried += 1
    signal.alarm(0)
    return tried, taken
