"""Offers what the fuzzer has collected, and changes to it, to a module built with sanitizers.

`make fuzz` calls it: python -m fuzz.replay MODULE SECONDS FOLDER...
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from fuzz.mutate import mutate

T = TypeVar("T")


def take_as_native(path: str) -> None:
    """Every import of the native module finds the one at this path."""
    spec = importlib.util.spec_from_file_location("recurra.engine._native", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module.")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def values_in(folders: list[str]) -> list[Any]:
    found = []
    for file in sorted(path for folder in folders for path in Path(folder).iterdir()):
        with suppress(ValueError, RecursionError):
            found.append(json.loads(file.read_bytes()))
    return found


def offer_for(
    seconds: float,
    items: Sequence[T],
    change: Callable[[T, random.Random], T],
    check: Callable[[T, int], bool],
) -> tuple[int, int]:
    """Items as they are, then changed in ever other ways: how many were offered, how many taken."""
    end, tried, taken = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        seed, place = divmod(tried, len(items))
        item = change(items[place], random.Random(seed)) if seed else items[place]
        taken += check(item, seed)
        tried += 1
    return tried, taken


def main(module: str, seconds: str, *folders: str) -> None:
    take_as_native(module)
    from fuzz.running import check

    values = values_in(list(folders))
    tried, ran = offer_for(float(seconds), values, mutate, check)
    print(f"{len(values)} programs and changes to them under sanitizers: {tried} tried, {ran} ran.")


if __name__ == "__main__":
    main(*sys.argv[1:])
