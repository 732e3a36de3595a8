"""What a person sees while a training runs: a live line on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from recurra.errors import MissingExtraError
from recurra.training.history import History

__all__ = ["Bar", "Quiet", "Shown", "progress_display"]

Shown = bool | Callable[[History], object] | None


class Quiet:
    """Shows nothing, or calls a function after every epoch."""

    def __init__(self, after_epoch: Callable[[History], object] | None = None) -> None:
        self.after_epoch = after_epoch

    def __enter__(self) -> Quiet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def step(self, epoch: int, loss: float, sequences_per_second: float) -> None:
        """One batch is done; loss and speed are those of its epoch so far."""

    def epoch(self, history: History) -> None:
        """One epoch is done."""
        if self.after_epoch is not None:
            self.after_epoch(history)


class Bar(Quiet):
    """A bar on standard error with the loss and the speed.

    Args:
        epochs: how many there will be.
        batches: in an epoch, or None where that is not known.
        done: epochs that an earlier run completed.

    Raises:
        MissingExtraError: rich is not installed.
    """

    def __init__(self, epochs: int, batches: int | None, done: int) -> None:
        super().__init__()
        try:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        except ImportError as error:
            raise MissingExtraError.named("rich", "cli") from error
        self.epochs = epochs
        self._validation = ""
        self._progress: Any = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(
            "training",
            total=None if batches is None else epochs * batches,
            completed=done * (batches or 0),
            epoch=done,
            epochs=epochs,
            numbers="",
        )

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def step(self, epoch: int, loss: float, sequences_per_second: float) -> None:
        """Move the bar by one batch."""
        numbers = f"loss {loss:.4g}{self._validation}  {sequences_per_second:.0f} sequences/s"
        self._progress.update(self._task, advance=1, epoch=epoch, numbers=numbers)

    def epoch(self, history: History) -> None:
        """Show the epoch's validation loss from now on."""
        if history.validation_loss:
            self._validation = f"  validation {history.validation_loss[-1]:.4g}"


def progress_display(shown: Shown, epochs: int, batches: int | None, done: int) -> Quiet:
    """The display that was asked for; None shows a bar only to somebody who looks."""
    if callable(shown):
        return Quiet(shown)
    if shown is None:
        shown = sys.stderr is not None and sys.stderr.isatty() and _has_rich()
    return Bar(epochs, batches, done) if shown else Quiet()


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True
