"""The options of `recurra stream`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from recurra.data.events import Format

__all__ = ["COMMIT_EVERY", "MAX_BATCH", "MAX_DELAY", "Settings"]

MAX_DELAY = 5.0  # milliseconds
MAX_BATCH = 4096
COMMIT_EVERY = "1000"  # milliseconds
DEFAULTS = {
    "--max-delay": f"{MAX_DELAY:g}",
    "--max-batch": str(MAX_BATCH),
    "--commit-every": COMMIT_EVERY,
}


class Settings(NamedTuple):
    """The options of the command."""

    model: Path
    file: str
    key: str | None
    state: Path | None
    resume: bool
    out: Path | None
    rejects: Path | None
    as_json: bool
    format: Format | None
    max_delay: float  # seconds
    max_batch: int
    commit_every: float  # seconds; 0 is each batch
    hold: bool

    def command(self) -> list[str]:
        """The command that goes on."""
        every = f"{self.commit_every * 1000:g}" if self.commit_every else "batch"
        named = {
            "--key": self.key,
            "--state": self.state,
            "--out": self.out,
            "--rejects": self.rejects,
            "--format": self.format,
            "--max-delay": f"{self.max_delay * 1000:g}",
            "--max-batch": self.max_batch,
            "--commit-every": every,
        }
        words = ["recurra", "stream", str(self.model), self.file]
        for name, value in named.items():
            if value is not None and str(value) != DEFAULTS.get(name):
                words += [name, str(value)]
        words += ["--json"] * self.as_json + ["--hold"] * self.hold
        return [*words, "--resume"]
