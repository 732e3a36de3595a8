"""One thing to time: which cell, how large, what of it; and the work it cannot avoid."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["GATES", "Case"]

Mode = Literal["step", "forward", "training", "command"]

# Blocks of `size` rows that multiply x and h.
GATES = {
    "lstm": 4,
    "gru": 3,
    "elman": 1,
    "layer-norm lstm": 4,
    "peephole lstm": 4,
    "ligru": 2,
}

# Pointwise operations an LSTM does not have, per unit and step of the forward pass. A layer norm
# takes 7 an element: mean 1, centre 1, variance 2, scale 1, gain and bias 2. Here three of them are
# over 4 + 4 + 1 elements a unit.
EXTRA = {"layer-norm lstm": 7 * 9, "peephole lstm": 2 * 3}

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Case:
    """A cell with as many inputs as units, in float32."""

    kind: str
    mode: Mode
    batch: int
    time: int
    size: int
    threads: int = 1
    resets: float = 0.0  # the share of steps whose state is set back
    ragged: bool = False  # lengths uniform in 1..time
    keys: int = 0  # streams that the events of a batch belong to, where they are keyed
    how: str = ""  # of a command

    def __str__(self) -> str:
        if self.mode == "step":
            return f"{self.kind} H={self.size}"
        if self.mode == "keyed":
            return f"{self.kind} H={self.size}, {self.keys:,} keys, {self.batch} events"
        if self.mode == "command":
            return f"{self.kind} H={self.size}, {self.how}"
        extras = [
            *([f"{self.threads} threads"] if self.threads > 1 else []),
            *([f"resets {self.resets:.0%}"] if self.resets else []),
            *(["ragged"] if self.ragged else []),
        ]
        sizes = f"({self.batch},{self.time},{self.size})"
        return " ".join([self.kind, self.mode, sizes, *extras])

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def passes(self) -> int:
        """Products a weight takes part in: forward, and the gradients of both factors."""
        return 3 if self.mode == "training" else 1

    @property
    def flops(self) -> int:
        """Multiplications and additions of the products with weights."""
        steps = self.batch * self.time * self.passes
        return steps * 2 * GATES[self.kind] * self.size * (2 * self.size)

    @property
    def extra_flops(self) -> int:
        """Pointwise operations beyond an LSTM's; a backward pass counts twice its forward."""
        return self.batch * self.time * self.passes * EXTRA.get(self.kind, 0) * self.size

    @property
    def resident_bytes(self) -> int:
        """Weights that must be read anew at each step.

        One step needs all of them. In a sequence the products with x are made for all times at
        once, which leaves those with h.
        """
        matrices = 2 if self.mode in ("step", "keyed") else 1
        return FLOAT_BYTES * matrices * GATES[self.kind] * self.size**2

    def floor(self, flops_a_second: float, bytes_a_second: float) -> float:
        """Seconds no program can beat, whatever it does: arithmetic or weights, the slower of both.

        Args:
            flops_a_second: the measured peak.
            bytes_a_second: measured reading of `resident_bytes` over and over.
        """
        arithmetic = self.flops / flops_a_second
        weights = self.time * self.passes * self.resident_bytes / bytes_a_second
        return max(arithmetic, weights)
