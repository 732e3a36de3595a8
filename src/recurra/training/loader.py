"""Batches that a torch DataLoader makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from recurra.errors import DataError, ShapeError
from recurra.layers.scan import real_steps
from recurra.training.batches import Batch, pad
from recurra.training.samples import Needs, to_sample, to_tensor, to_weight, to_x, to_y

__all__ = ["Loaded"]


class Loaded:
    """Batches of a DataLoader, which alone decides their order and size.

    Each is (x, y), (x, y, lengths) or (x, y, lengths, weights) of padded tensors, or x or
    (x, lengths) for target "next"; or a list of sequences as `fit` takes them, which is what
    ``collate_fn=list`` gives.

    Args:
        loader: the batches.
        needs: what to check them against.
        name: the argument's name, for messages.
    """

    weight_a_batch: float | None = None  # not known before the epoch is over
    batches: int | None

    def __init__(self, loader: DataLoader[Any], needs: Needs, name: str) -> None:
        self.loader = loader
        self.needs = needs
        self.name = name
        try:
            self.batches = len(loader)
        except TypeError:  # an iterable data set need not know
            self.batches = None

    def generators(self) -> list[torch.Generator]:
        """What the loader and its samplers draw the order from, where they have their own."""
        batch_sampler = getattr(self.loader, "batch_sampler", None)
        inner = getattr(batch_sampler, "sampler", None)
        drawing = (self.loader, self.loader.sampler, batch_sampler, inner)
        own = (getattr(part, "generator", None) for part in drawing)
        return [generator for generator in own if isinstance(generator, torch.Generator)]

    def shuffled(self, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch, in the loader's order."""
        return self.in_order()

    def in_order(self) -> Iterator[Batch]:
        """One epoch, in the loader's order."""
        number = -1
        for number, batch in enumerate(self.loader):
            yield self._batch(batch, f"batch {number} of {self.name}")
        if number < 0:
            raise DataError(f"fit: {self.name} gave no batch, expected at least one.")

    def _batch(self, batch: Any, name: str) -> Batch:
        parts = [batch] if isinstance(batch, Tensor) else list(batch)
        if not self._is_padded(parts):
            samples = [
                to_sample(item, self.needs, f"fit: {name}, sequence {k}")
                for k, item in enumerate(parts)
            ]
            return pad(samples, self.needs, name)
        return _padded_batch(parts, self.needs, name)

    def _is_padded(self, parts: Sequence[Any]) -> bool:
        first = parts[0] if parts else None
        if not isinstance(first, Tensor):
            return False
        # Sequences of target "next" are tensors too, with one axis less.
        return self.needs.target != "next" or first.dim() == (
            3 if first.is_floating_point() or self.needs.event_dims == 1 else 2
        )

    def fingerprint(self) -> str:
        """What can be told without reading it."""
        return f"a DataLoader of {self.batches} batches"


def _padded_batch(parts: Sequence[Any], needs: Needs, name: str) -> Batch:
    who = f"fit: {name}"
    most = 2 if needs.target == "next" else 4
    if not most // 2 <= len(parts) <= most:
        forms = "x or (x, lengths)" if most == 2 else "(x, y), then lengths, then weights"
        raise DataError(f"{who} has {len(parts)} parts, expected {forms}.")
    x, *rest = (to_tensor(part, who) for part in parts)
    if x.dim() not in (2, 3) or 0 in x.shape[:2]:
        raise ShapeError(
            f"{who} has x of shape {tuple(x.shape)}, expected (batch, time, feature) with at least "
            f"one row and step."
        )
    if needs.target == "next":
        lengths = _lengths(rest, x, who) - 1
        x, y = x[:, :-1], x[:, 1:]
    else:
        y, *rest = rest
        lengths = _lengths(rest, x, who)
    axes = 1 if needs.target == "last" else 2
    if y.shape[:axes] != x.shape[:axes]:
        raise ShapeError(
            f"{who} has x of shape {tuple(x.shape)} and y of shape {tuple(y.shape)}, expected the "
            f"same {'rows' if axes == 1 else 'rows and steps'} for target {needs.target!r}."
        )
    y = to_y(y, needs, who, axes)
    weights = to_weight(rest[1] if len(rest) > 1 else None, x.shape[:axes], needs, who)
    if axes == 2:
        weights = weights * real_steps(lengths, x.shape[1])
    return Batch(to_x(x, needs, x.dim() - 2), y, lengths, weights, name)


def _lengths(rest: Sequence[Tensor], x: Tensor, who: str) -> Tensor:
    if not rest:
        return torch.full(x.shape[:1], x.shape[1])
    lengths = rest[0]
    if lengths.shape != x.shape[:1] or lengths.is_floating_point():
        raise ShapeError(
            f"{who} has lengths of shape {tuple(lengths.shape)} and {lengths.dtype}, expected "
            f"{tuple(x.shape[:1])} whole numbers, the real steps of each row."
        )
    if int(lengths.min()) < 1 or int(lengths.max()) > x.shape[1]:
        raise ShapeError(
            f"{who} has lengths from {int(lengths.min())} to {int(lengths.max())}, expected 1 to "
            f"{x.shape[1]}, the steps of x."
        )
    return lengths.long()
