"""Changes to files that leave them nearly valid: whatever is changed, the checksums are right."""

from __future__ import annotations

import random
from typing import Any

from fuzz.mutate import mutate
from fuzz.sealing import forged, parts_of, recomputed, resealed

SNAPSHOT = b"\x9aRCSNAP"


def mutate_file(data: bytes, random: random.Random) -> bytes:
    """A changed copy; one in five has bytes changed and no checksum put right."""
    if random.random() < 0.2:
        return flipped(data, random)
    if data.startswith(SNAPSHOT):
        return resealed(flipped(data, random))
    try:
        header, ours, rest = parts_of(data)
    except (ValueError, KeyError, TypeError, RecursionError):
        return flipped(data, random)
    header, ours, rest = random.choice(CHANGES)(header, ours, rest, random)
    return honest(header, ours, rest)


def change_the_step(header: Any, ours: Any, rest: bytes, random: random.Random) -> Any:
    step = ours.get("step") if isinstance(ours, dict) else None
    if isinstance(step, dict) and "program" in step:
        ours = {**ours, "step": {**step, "program": mutate(step["program"], random)}}
    return header, ours, rest


def change_what_it_says(header: Any, ours: Any, rest: bytes, random: random.Random) -> Any:
    return header, mutate(ours, random), rest


def change_the_tensors(header: Any, ours: Any, rest: bytes, random: random.Random) -> Any:
    return mutate(header, random), ours, rest


def change_the_numbers(header: Any, ours: Any, rest: bytes, random: random.Random) -> Any:
    return header, ours, flipped(rest, random)


CHANGES = [
    change_the_step,
    change_the_step,
    change_what_it_says,
    change_the_tensors,
    change_the_numbers,
]


def honest(header: Any, ours: Any, rest: bytes) -> bytes:
    """The file, with its fingerprint where one can be had."""
    try:
        if isinstance(ours, dict) and "model" in ours:
            ours["fingerprint"] = recomputed(header, ours, rest)
        return forged(header, ours, rest)
    except (AttributeError, KeyError, TypeError, ValueError):
        return forged({}, ours, rest)


def flipped(data: bytes, random: random.Random) -> bytes:
    """Other bytes here and there; at times some less or more."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if changed:
            changed[random.randrange(len(changed))] = random.choice([0, 1, 0x7F, 0x80, 0xFF, 0x30])
    dice = random.random()
    if dice < 0.1:
        del changed[random.randrange(len(changed) + 1) :]
    elif dice < 0.2:
        changed += bytes(random.randint(1, 16))
    return bytes(changed)
