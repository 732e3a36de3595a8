"""Offers files that the fuzzer has collected, and changes to them, to a module with sanitizers.

Then as long changed files of stores. `make fuzz` calls it:
python -m fuzz.replay_files MODULE SECONDS STORES SEEDS FOLDER...
"""

from __future__ import annotations

import sys
from pathlib import Path

from fuzz.replay import offer_for, take_as_native


def main(module: str, seconds: str, store_folder: str, *folders: str) -> None:
    take_as_native(module)
    from fuzz import stores
    from fuzz.files import check
    from fuzz.mutate_files import mutate_file
    from recurra.streaming import load

    models = [load(path) for path in sorted(Path(folders[0]).glob("*.model"))]
    paths = sorted(path for folder in folders for path in Path(folder).iterdir())
    files = [path.read_bytes() for path in paths]
    tried, taken = offer_for(
        float(seconds), files, mutate_file, lambda changed, _: check(changed, models)
    )
    print(f"{len(files)} files and changes to them under sanitizers: {tried} tried, {taken} taken.")
    tried, taken = stores.main(Path(store_folder), float(seconds))
    print(f"Changed files of stores under sanitizers: {tried} tried, {taken} taken.")


if __name__ == "__main__":
    main(*sys.argv[1:])
