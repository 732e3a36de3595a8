"""Failures of every kind for as long as one likes, and a record of what was done to whom.

    python -m torture SECONDS

Anything that goes wrong ends it with the reason. The record goes to benchmarks/records/ where it
took two minutes or more, else to build/.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import recurra as rc
from benchmarks.harness.machine import describe_machine
from torture import damage, keys, kills
from torture.source import save_a_model

ROOT = Path(__file__).parents[1]
ALWAYS = 1 << 40  # batches: more than there is time for


def main(seconds: float) -> None:
    """All parts one after the other; those without a share of the time take what they take."""
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    (ROOT / "build").mkdir(exist_ok=True)  # on a disk; the system's folder may be memory
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="torture-") as name:
        folder = Path(name)
        for file, sizes in (("small", (16, 3)), ("large", (64, 4))):
            save_a_model(folder / f"{file}.recurra", *sizes)
        small, large = (rc.load(folder / f"{file}.recurra") for file in ("small", "large"))

        def killed(every: str, share: float) -> dict[str, Any]:
            place = folder / f"killed-{every}"
            return kills.run(small, place, ALWAYS, every, seed, share * seconds, apart=20)

        parts: dict[str, Callable[[Path], dict[str, Any]]] = {
            "killed, each batch durable": lambda _: killed("batch", 0.3),
            "killed, committed every 5 ms": lambda _: killed("5", 0.15),
            "killed, held until durable": lambda _: killed("hand", 0.15),
            "damaged files": lambda place: damage.run(place, seed, 0.3 * seconds),
            "100,000 new keys a minute": lambda place: keys.short_lived(
                small, place, minutes=max(8, int(seconds / 10))
            ),
            "a million keys": lambda place: keys.a_million(large, place),
        }
        done = {}
        for number, (title, part) in enumerate(parts.items()):
            (folder / str(number)).mkdir()
            done[title] = part(folder / str(number))
            print(f"{title}: {json.dumps(done[title])}", flush=True)
    _record({"seconds": seconds, "seed": seed, "machine": describe_machine(), "done": done})


def _record(contents: dict[str, Any]) -> None:
    records = ROOT / ("benchmarks/records" if contents["seconds"] >= 120 else "build")
    path = records / f"torture-{time.strftime('%Y-%m-%d')}.json"
    path.write_text(json.dumps(contents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
