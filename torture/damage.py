"""Altered bits and cuts anywhere in the file of a store: refused, or without any consequence."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from tests.streaming.store.damaging import a_store, after_damage
from tests.streaming.store.made import data_of

__all__ = ["run"]

META = 2 * 4096  # bytes of the two pages that say where everything is


def run(folder: Path, seed: int, seconds: float) -> dict[str, Any]:
    """Damage stores of many kinds, one place at a time.

    Raises:
        AssertionError: a state, the cursor or the number of keys was another and nobody was told.
    """
    draw, began, stores = random.Random(seed), time.monotonic(), 0
    outcomes = {True: 0, False: 0}
    while time.monotonic() - began < seconds:
        place = folder / str(stores)
        model, values = a_store(place, draw.choice([0, 1, 4, 128, 700, 1500]), draw.random())
        data = data_of(place).read_bytes()
        for _ in range(100):
            altered = bytearray(data)
            kind = draw.choice(["bit", "bit", "bit", "meta", "cut", "noise"])
            if kind == "cut":
                del altered[draw.randrange(len(data)) :]
            elif kind == "noise":
                at = draw.randrange(len(data) - 16)
                altered[at : at + 16] = draw.randbytes(16)
            else:
                at = draw.randrange(META if kind == "meta" else len(data))
                altered[at] ^= 1 << draw.randrange(8)
            outcomes[after_damage(folder / "damaged", bytes(altered), model, values)] += 1
        stores += 1
    return {"stores": stores, "refused": outcomes[False], "harmless": outcomes[True]}
