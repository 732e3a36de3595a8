"""What a training step adds to a process's memory: at its peak, and between forward and backward.

    python -m benchmarks.harness.footprint PEER CASE

The process is fresh. A tiny case first loads code and starts pools. Large blocks go back to the
system as soon as they are freed (`environment`), so that resident memory says what is held.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness.case import Case
from benchmarks.harness.pinning import pin

__all__ = ["environment", "main", "resident"]

STATUS = Path("/proc/self/status")


def environment() -> dict[str, str]:
    """Has glibc map every block of 64 KiB and more by itself."""
    return {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def main(name: str, case: Case) -> dict[str, Any]:
    """Bytes added at the peak of one step, and held between its halves."""
    pin(case.threads)
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    _step(peer.make(replace(case, batch=2, time=3, size=8)))
    job = peer.make(case)
    _settle()
    _forget_peak()
    before = resident("VmRSS")
    forward, backward = job.halves
    graph = forward()
    gc.collect()
    held = resident("VmRSS") - before
    answers = backward(graph)
    peak = resident("VmHWM") - before
    del answers
    return {"peak": peak, "held": held}


def _step(job: Any) -> None:
    forward, backward = job.halves
    backward(forward())


def _settle() -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def resident(field: str) -> int:
    """Of this process, in bytes: "VmRSS" now, "VmHWM" at its peak."""
    lines = STATUS.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    channel.write(json.dumps(main(sys.argv[1], Case(**json.loads(sys.argv[2])))) + "\n")
    channel.close()
