"""Feeds bytes to the reader of programs and runs what passes; what holds is in `running.check`.

`make fuzz` calls it with libFuzzer's options. A failure leaves its input in build/fuzz/, and shows
again with: .venv/bin/python -m fuzz.program_bytes build/fuzz/crash-...
"""

from __future__ import annotations

import json
import random
import sys

import atheris

# Atheris cannot see into modules loaded by an editable install's finder; sys.path has them too.
sys.meta_path[:] = [each for each in sys.meta_path if "ScikitBuild" not in type(each).__name__]

with atheris.instrument_imports(include=["recurra"]):
    from fuzz.mutate import mutate
    from fuzz.running import check


def one_input(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    check(value, seed=len(data))


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Mostly a change to the program that the bytes spell, at times one to the bytes."""
    dice = random.Random(seed)
    if dice.random() < 0.1:
        return atheris.Mutate(data, most)
    try:
        return json.dumps(mutate(json.loads(data), dice)).encode()[:most]
    except (ValueError, RecursionError):
        return atheris.Mutate(data, most)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=changed)
    atheris.Fuzz()
