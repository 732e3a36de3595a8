"""What happened in a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from recurra.drawing.save import new_figure, save_figure

__all__ = ["History", "Stopped"]

Stopped = Literal["epochs", "patience", "interrupt"]


@dataclass
class History:
    """Losses, gradients and times of a training, one entry a completed epoch.

    Attributes:
        train_loss: mean over the answers that count, each taken when its batch was trained on.
        validation_loss: mean over the validation data after the epoch; empty without such data.
        gradient_norm: mean over the epoch's batches, before clipping.
        learning_rate: what the epoch was trained with (the first parameter group's).
        seconds: training and validation together.
        sequences_per_second: training sequences by training time.
        stopped: "epochs" (all done), "patience" (no better for that long) or "interrupt" (Ctrl-C).

    >>> history = History(train_loss=[2.0, 1.0, 0.5], validation_loss=[2.0, 1.5, 1.7])
    >>> history.epochs, history.best_epoch
    (3, 2)
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    sequences_per_second: list[float] = field(default_factory=list)
    stopped: Stopped = "epochs"

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, whose weights the model was left with.

        It is the first with the least validation loss; without validation the last. None before
        any epoch was completed.
        """
        if not self.validation_loss:
            return self.epochs or None
        return self.validation_loss.index(min(self.validation_loss)) + 1

    def after(self, validation_loss: float | None, **entries: float) -> History:
        """This history and one epoch more.

        >>> History(train_loss=[2.0]).after(None, train_loss=1.0).train_loss
        [2.0, 1.0]
        """
        if validation_loss is not None:
            entries["validation_loss"] = validation_loss
        longer = {name: [*getattr(self, name), entry] for name, entry in entries.items()}
        return replace(self, **longer)  # type: ignore[arg-type]

    def draw(self, path: str | PathLike[str]) -> Path:
        """Draw the losses and the gradients' norm over the epochs.

        Args:
            path: the picture's file; its ending says the format, such as .png or .svg.

        Returns:
            The path, for a message.

        Raises:
            MissingExtraError: matplotlib is not installed.
            DataError: no format has this ending.

        >>> History(train_loss=[2.0, 1.0], gradient_norm=[3.0, 1.0]).draw("history.svg").exists()
        True
        """
        figure = new_figure(7, 5)
        losses, norms = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        self._draw_losses(losses)
        _plot(norms, self.gradient_norm, "gradient norm", "tab:gray")
        norms.set_ylabel("gradient norm")
        norms.set_xlabel("epoch")
        return save_figure(figure, path)

    def _draw_losses(self, axes: Any) -> None:
        _plot(axes, self.train_loss, "training", "tab:blue")
        if self.validation_loss:
            _plot(axes, self.validation_loss, "validation", "tab:orange")
        if self.validation_loss and self.best_epoch:
            axes.axvline(self.best_epoch, color="tab:green", linestyle=":", label="best")
        axes.set_ylabel("loss")
        if self.train_loss:
            axes.legend()


def _plot(axes: Any, values: list[float], label: str, color: str) -> None:
    axes.plot(range(1, len(values) + 1), values, marker=".", label=label, color=color)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if values and min(values) > 0:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
