"""A process that holds one peer and does what it is told, a line of JSON at a time.

    python -m benchmarks.harness.worker PEER THREADS

It answers each line with one. An error in a request is an answer, ``{"error": ...}``; that a peer
is not installed, ``{"missing": ...}``, is the first answer and the only one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any, TextIO

from benchmarks.harness.case import Case
from benchmarks.harness.pinning import pin
from benchmarks.peers.job import NotSupportedError

__all__ = ["main"]


class Worker:
    """The peer, and the case it is at."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.job: Any = None

    def build(self, case: dict[str, Any]) -> dict[str, Any]:
        self.job = None
        self.job = self.peer.make(Case(**case))
        return {"note": self.job.note}

    def answer(self, path: str) -> dict[str, Any]:
        import numpy as np

        np.savez(path, **self.job.answer())
        return {}

    def warm_up(self, seconds: float) -> dict[str, Any]:
        from benchmarks.harness.blocks import warm_up

        return {"seconds": warm_up(self.job.run, seconds)}

    def time(self, blocks: int, calls: int, clock: Any) -> dict[str, Any]:
        from benchmarks.harness.blocks import time_blocks

        found = time_blocks(self.job.run, blocks, calls, clock)
        return {"seconds": [block / self.job.steps for block in found]}

    def drop(self) -> dict[str, Any]:
        self.job = None
        return {}


def main(name: str, threads: int, answers: TextIO) -> None:
    """Serve until the requests end."""

    def say(reply: dict[str, Any]) -> None:
        answers.write(json.dumps(reply) + "\n")
        answers.flush()

    pin(threads)
    try:
        peer = importlib.import_module(f"benchmarks.peers.{name}")
        say({"versions": peer.versions()})
    except ModuleNotFoundError as error:
        say({"missing": f"{error.name} is not installed"})
        return
    worker = Worker(peer)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say(getattr(worker, request.pop("do"))(**request))
        except NotSupportedError as error:
            say({"error": str(error)})
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is what the table says of it
            say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    # What libraries print goes to the error stream; standard output is for answers alone.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(sys.argv[1], int(sys.argv[2]), channel)
