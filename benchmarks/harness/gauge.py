"""The machine's own limits, measured beside the peers while they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.harness.case import Case
from benchmarks.harness.pinning import pin

__all__ = ["Gauge"]

SOURCE = Path(__file__).with_name("gauge.cpp")


class Gauge:
    """A compiled program that measures one core's peak and what it reads from its caches.

    Raises:
        FileNotFoundError: there is no C++ compiler.
    """

    def __init__(self) -> None:
        compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            raise FileNotFoundError("no C++ compiler: floors are not measured")
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "gauge"
            options = ["-O3", "-march=native", "-ffp-contract=fast", "-std=c++17"]
            subprocess.run([compiler, *options, str(SOURCE), "-o", str(program)], check=True)
            self._process = subprocess.Popen(
                [str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: pin(1),
            )

    def peak(self) -> float:
        """Float32 operations a second of one core."""
        return self._ask("peak")

    def reading(self, size: int) -> float:
        """Bytes a second, reading so many over and over."""
        return self._ask(f"read {size}")

    def floor(self, case: Case) -> float:
        """Seconds below which no program can compute the case, as the machine is just now."""
        return case.floor(self.peak(), self.reading(case.resident_bytes))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, question: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())
