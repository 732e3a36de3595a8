"""Sequences as a training takes them: checked once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recurra.errors import DataError, ShapeError
from recurra.layers import Layer
from recurra.training.losses import IGNORED, Loss, LossName

__all__ = ["Needs", "Sample", "Target", "to_sample", "to_samples", "to_tensor"]

Target = Literal["steps", "last", "next"]


class Sample(NamedTuple):
    """One sequence and what should be answered."""

    x: Tensor  # (time, feature), or (time,) of indices
    y: Tensor  # (time, ...), or (...) for target "last"
    weight: Tensor  # (time,), or () for target "last"


class Needs(NamedTuple):
    """What the model, the loss and the target ask of the data."""

    target: Target
    loss: LossName | None  # None for a callable
    dtype: torch.dtype
    event_dims: int | None  # None where the model does not say
    input_size: int | None

    @classmethod
    def of(cls, model: nn.Module, target: Target, loss: Loss) -> Needs:
        """The needs of a model under a loss."""
        name = None if callable(loss) else loss
        weights = (*model.parameters(), *model.buffers())
        dtype = next((w.dtype for w in weights if w.is_floating_point()), torch.float32)
        if isinstance(model, Layer):
            return cls(target, name, dtype, model.event_dims, model.input_size)
        return cls(target, name, dtype, None, None)


def to_samples(data: Iterable[Any], needs: Needs, name: str) -> list[Sample]:
    """Every sequence of the data, checked.

    Args:
        data: (x, y) or (x, y, weight) a sequence; x alone for target "next".
        needs: what to check against.
        name: the argument's name, for messages.

    Raises:
        DataError: no data, or values that the loss cannot use.
        ShapeError: a wrong number of axes, steps or features.
    """
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise DataError(
            f"fit: {name} is a {type(data).__name__}, expected a list of sequences or a torch "
            f"DataLoader. From a task: task.pairs()."
        )
    samples = [to_sample(item, needs, f"fit: {name}[{k}]") for k, item in enumerate(data)]
    if not samples:
        raise DataError(f"fit: {name} is empty, expected at least one sequence.")
    for k, sample in enumerate(samples):
        for part in ("x", "y"):
            first, here = _features(samples[0], part, needs), _features(sample, part, needs)
            if first != here:
                raise ShapeError(
                    f"fit: {name}[{k}] has {part} with {here or 'no'} features, and {name}[0] "
                    f"with {first or 'none'}, expected the same for every sequence."
                )
    return samples


def _features(sample: Sample, part: str, needs: Needs) -> tuple[int, ...]:
    shape = tuple(sample.y.shape if part == "y" else sample.x.shape)
    return shape if part == "y" and needs.target == "last" else shape[1:]


def to_sample(item: Any, needs: Needs, who: str) -> Sample:
    """One sequence of the data, checked; `who` starts the messages."""
    if needs.target == "next":
        return _next_sample(item, needs, who)
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        raise DataError(
            f"{who} is {_describe(item)}, expected a pair (x, y) or (x, y, weight). "
            f"From two lists: list(zip(xs, ys)). For x alone use target='next'."
        )
    x = _to_x(to_tensor(item[0], f"{who}, x"), needs, who)
    y = to_tensor(item[1], f"{who}, y")
    if needs.target == "steps":
        _check_steps(x, y, who)
    y = to_y(y, needs, who, axes=1 if needs.target == "steps" else 0)
    wanted = x.shape[:1] if needs.target == "steps" else x.shape[:0]
    return Sample(x, y, to_weight(item[2] if len(item) == 3 else None, wanted, needs, who))


def _next_sample(item: Any, needs: Needs, who: str) -> Sample:
    if isinstance(item, tuple):
        raise DataError(
            f"{who} is a tuple, expected a sequence x alone: target 'next' answers with x one step "
            f"later. Use target='steps' or 'last' for pairs (x, y)."
        )
    whole = to_tensor(item, f"{who}, x")
    x = _to_x(whole, needs, who)
    if len(x) < 2:
        raise DataError(f"{who} has {len(x)} step, expected at least 2 for target 'next'.")
    y = to_y(whole[1:], needs, who, axes=1)
    return Sample(x[:-1], y, to_weight(None, y.shape[:1], needs, who))


def _check_steps(x: Tensor, y: Tensor, who: str) -> None:
    if y.dim() == 0:
        raise ShapeError(
            f"{who} has one y for the whole sequence, expected one a step. Use target='last'."
        )
    if len(x) != len(y):
        raise ShapeError(f"{who} has x of {len(x)} steps and y of {len(y)}, expected one y a step.")


def to_tensor(value: Any, who: str) -> Tensor:
    """A tensor of anything numpy or torch can make one of."""
    if isinstance(value, np.ndarray):
        value = np.asarray(value, order="C")
        value = value if value.flags.writeable else value.copy()
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{who} is not an array of numbers: {error}") from error


def _describe(value: Any) -> str:
    shape = getattr(value, "shape", None)
    name = type(value).__name__
    if shape is not None:
        return f"a {name} of shape {tuple(shape)}"
    return f"a {name} of {len(value)}" if hasattr(value, "__len__") else f"a {name}"


def _to_x(x: Tensor, needs: Needs, who: str) -> Tensor:
    """Bring x with axes (time, feature) into the model's type; or indices (time,)."""
    event = x.dim() - 1
    if event not in ((0, 1) if needs.event_dims is None else (needs.event_dims,)):
        wanted = "(time,)" if needs.event_dims == 0 else "(time, feature)"
        repair = "Pass one sequence an entry: list(zip(xs, ys))." if event == 2 else ""
        repair = "One feature is x[:, None]." if event == 0 else repair
        raise ShapeError(f"{who} has x of shape {tuple(x.shape)}, expected {wanted}. {repair}")
    if len(x) == 0:
        raise DataError(f"{who} has no steps, expected at least one. Leave empty sequences out.")
    if needs.input_size is not None and needs.event_dims and x.shape[1] != needs.input_size:
        raise ShapeError(
            f"{who} has x of shape {tuple(x.shape)}, expected (time, {needs.input_size}), the "
            f"features the model takes."
        )
    return to_x(x, needs, event)


def to_x(x: Tensor, needs: Needs, event_dims: int) -> Tensor:
    """Bring x into the model's type; whole numbers stay so where they are indices."""
    if event_dims == 0 and not x.is_floating_point() and x.dtype != torch.bool:
        return x.long()
    return x.to(needs.dtype)


def to_y(y: Tensor, needs: Needs, who: str, axes: int) -> Tensor:
    """Bring y into the type its loss takes.

    Args:
        y: the targets.
        needs: names the loss.
        who: starts the messages.
        axes: how many of y's axes stand for sequences and steps.
    """
    if needs.loss == "cross_entropy":
        return _to_classes(y, needs, who, axes)
    if needs.loss is None:
        return y.to(needs.dtype) if y.is_floating_point() else y.long()
    if y.dim() not in (axes, axes + 1):
        raise ShapeError(
            f"{who} has y of shape {tuple(y.shape)}, expected {axes} or {axes + 1} axes for loss "
            f"{needs.loss!r} and target {needs.target!r}."
        )
    if needs.loss == "bce" and bool(((y < 0) | (y > 1)).any()):
        raise DataError(f"{who} has y outside 0 to 1, which is what loss 'bce' takes.")
    return y.to(needs.dtype)


def _to_classes(y: Tensor, needs: Needs, who: str, axes: int) -> Tensor:
    if y.is_floating_point():
        if y.dim() != axes + 1:
            raise DataError(
                f"{who} has y of {y.dtype} and shape {tuple(y.shape)}, expected classes as whole "
                f"numbers for loss 'cross_entropy'. Convert them: y.astype(int)."
            )
        return y.to(needs.dtype)
    if y.dim() != axes:
        raise ShapeError(
            f"{who} has y of shape {tuple(y.shape)}, expected one class an answer, of {axes} axes. "
            f"From one-hot: y.argmax(-1)."
        )
    classes: Tensor = y.long()
    if bool(((classes < 0) & (classes != IGNORED)).any()):
        raise DataError(
            f"{who} has the class {int(classes.min())}, expected 0 and up, or {IGNORED} for an "
            f"answer that does not count."
        )
    return classes


def to_weight(weight: Any, shape: torch.Size, needs: Needs, who: str) -> Tensor:
    """Weights of the given shape; ones where none are given."""
    if weight is None:
        return torch.ones(shape, dtype=needs.dtype)
    weights = to_tensor(weight, f"{who}, weight").to(needs.dtype)
    if weights.shape != shape:
        raise ShapeError(
            f"{who} has weight of shape {tuple(weights.shape)}, expected {tuple(shape)}, "
            f"one an answer."
        )
    if not bool((weights.isfinite() & (weights >= 0)).all()):
        raise DataError(f"{who} has a negative or non-finite weight, expected 0 and up.")
    return weights
