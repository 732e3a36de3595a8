"""Offers what the fuzzer has collected, and changes to it, to a module built with sanitizers.

`make fuzz` calls it: python -m fuzz.replay MODULE SECONDS FOLDER...
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fuzz.mutate import mutate


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


def main(module: str, seconds: str, *folders: str) -> None:
    take_as_native(module)
    from fuzz.running import check

    values = values_in(list(folders))
    end, tried, ran = time.monotonic() + float(seconds), 0, 0
    while time.monotonic() < end:
        seed, value = divmod(tried, len(values))
        changed = mutate(values[value], random.Random(seed)) if seed else values[value]
        ran += check(changed, seed)
        tried += 1
    print(f"{len(values)} programs and changes to them under sanitizers: {tried} tried, {ran} ran.")


if __name__ == "__main__":
    main(*sys.argv[1:])
