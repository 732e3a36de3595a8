"""Feeds bytes to the readers of model files and states; what holds is in `files.check`.

`make fuzz` calls it with libFuzzer's options, the folder of seeds first. A failure leaves its input
in build/fuzz/, and shows again with: .venv/bin/python -m fuzz.file_bytes SEEDS build/fuzz/crash-...
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

# Atheris cannot see into modules loaded by an editable install's finder; sys.path has them too.
sys.meta_path[:] = [each for each in sys.meta_path if "ScikitBuild" not in type(each).__name__]

with atheris.instrument_imports(include=["recurra"]):
    from fuzz.files import check
    from fuzz.mutate_files import mutate_file
    from recurra.streaming import load


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Mostly a change that leaves the checksums right, at times one to the bytes."""
    dice = random.Random(seed)
    if dice.random() < 0.1:
        return atheris.Mutate(data, most)
    return mutate_file(data, dice)[:most]


if __name__ == "__main__":
    models = [load(path) for path in sorted(Path(sys.argv.pop(1)).glob("*.model"))]
    atheris.Setup(sys.argv, lambda data: check(data, models) and None, custom_mutator=changed)
    atheris.Fuzz()
