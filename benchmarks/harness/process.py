"""The other end of a worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.blocks import Clock
from benchmarks.harness.case import Case
from benchmarks.harness.data import Array
from benchmarks.harness.pinning import pools

__all__ = ["ROOT", "PeerError", "Process", "arguments_and_environment"]

ROOT = Path(__file__).parents[2]


class PeerError(Exception):
    """The peer raised, or its process ended."""


class Process:
    """A peer in a process of its own.

    Args:
        peer: a module of `benchmarks.peers`.
        threads: how many it may use.
    """

    def __init__(self, peer: str, threads: int) -> None:
        self.peer = peer
        command = ["benchmarks.harness.worker", peer, str(threads)]
        arguments, environment = arguments_and_environment(command, threads)
        self._process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        hello = self._listen()
        self.versions: dict[str, str] = hello.get("versions", {})
        self.missing: str = hello.get("missing", "")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def build(self, case: Case) -> str:
        """Make the case ready; the peer's note on it."""
        return str(self._ask("build", case=case.as_json())["note"])

    def answer(self) -> dict[str, Array]:
        """What the peer computes, to be compared."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.npz"
            self._ask("answer", path=str(path))
            with np.load(path) as arrays:
                return dict(arrays)

    def warm_up(self, seconds: float) -> float:
        return float(self._ask("warm_up", seconds=seconds)["seconds"])

    def time(self, blocks: int, calls: int, clock: Clock) -> list[float]:
        return list(self._ask("time", blocks=blocks, calls=calls, clock=clock)["seconds"])

    def drop(self) -> None:
        """Free what the case holds."""
        self._ask("drop")

    def close(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # ended, or closed by us
            raise PeerError(f"{self.peer}: its process has ended") from None
        reply = self._listen()
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    def _listen(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(f"{self.peer}: its process ended with {self._process.wait()}")
        return dict(json.loads(line))


def arguments_and_environment(module: list[str], threads: int) -> tuple[list[str], dict[str, str]]:
    """How to start a module of the benchmarks with this Python."""
    return [sys.executable, "-m", *module], {**os.environ, **pools(threads)}
