"""What to say when a loss or a gradient is not a number any more."""

from __future__ import annotations

from torch import Tensor

from recurra.errors import TrainingError
from recurra.training.batches import Batch

__all__ = ["training_blew_up", "validation_blew_up"]


def training_blew_up(
    batch: Batch, epoch: int, step: int, loss: float, norm: float, last_norm: float | None
) -> TrainingError:
    """The error for a training step, with what is known of it.

    Args:
        batch: what the step was trained on.
        epoch: counted from 1.
        step: counted from 1 in the epoch.
        loss: of this step.
        norm: of this step's gradients.
        last_norm: of the gradients of the step before, if there was one.
    """
    before = "this is the first step" if last_norm is None else f"{last_norm:.4g} the step before"
    return TrainingError(
        f"fit: the loss is {loss:.4g} and the norm of the gradients {norm:.4g} ({before}) in epoch "
        f"{epoch}, step {step}, on {batch.name}. The model keeps its weights from before this "
        f"step. {_repair(batch)}"
    )


def validation_blew_up(batch: Batch, epoch: int, loss: float) -> TrainingError:
    """The error for a validation batch."""
    return TrainingError(
        f"fit: the validation loss is {loss:.4g} after epoch {epoch}, on {batch.name} of "
        f"validation. {_repair(batch)}"
    )


def _repair(batch: Batch) -> str:
    for part, values in (("x", batch.x), ("y", batch.y)):
        place = _first_non_finite(values)
        if place is not None:
            row, time = place
            name = f"row {row}" if batch.indices is None else f"sequence {batch.indices[row]}"
            at = f" at time {time}" if values.dim() > 1 and part == "x" else ""
            return f"Look at the data: {part} of {name} holds a value that is not finite{at}."
    return "All values of this batch are finite. Try a lower learning_rate or clip_norm."


def _first_non_finite(values: Tensor) -> tuple[int, int] | None:
    """Row and step (0 where there is none)."""
    if not values.is_floating_point():
        return None
    bad = (~values.isfinite()).nonzero()
    if len(bad) == 0:
        return None
    first = bad[0].tolist()
    return first[0], first[1] if len(first) > 1 else 0
