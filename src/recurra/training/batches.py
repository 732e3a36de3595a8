"""Batches of sequences of unequal length: similar lengths together, then padded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recurra.errors import DataError
from recurra.training.losses import Criterion
from recurra.training.samples import Needs, Sample, to_samples

__all__ = ["Batch", "Listed", "bucketed", "pad"]


class Batch(NamedTuple):
    """Sequences side by side, zeros past their ends."""

    x: Tensor  # (batch, time, feature), or (batch, time) of indices
    y: Tensor  # (batch, time, ...), or (batch, ...) for target "last"
    lengths: Tensor  # (batch,)
    weights: Tensor  # (batch, time) or (batch,); zero for padding
    name: str  # which sequences these are, for messages
    indices: Sequence[int] | None = None  # their places in the data, where it is a list

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        x, y, lengths, weights = (part.to(device) for part in self[:4])
        return self._replace(x=x, y=y, lengths=lengths, weights=weights)


def bucketed(
    lengths: Sequence[int], batch_size: int, generator: torch.Generator
) -> list[list[int]]:
    """Every index once, in batches of similar lengths, in random order.

    Lengths are compared after a random factor of 0.75 to 1.25, so that from epoch to epoch other
    neighbours meet; where all lengths are equal this is a plain shuffle. When the last batch is a
    short one, it falls on any length alike.

    Args:
        lengths: one a sequence.
        batch_size: sequences a batch.
        generator: what the order is drawn from.

    >>> import torch
    >>> batches = bucketed([5, 100, 6, 105, 103, 4], 3, torch.Generator().manual_seed(0))
    >>> sorted(sorted(batch) for batch in batches)
    [[0, 2, 5], [1, 3, 4]]
    """
    factors = 0.75 + 0.5 * torch.rand(len(lengths), generator=generator, dtype=torch.float64)
    order = (torch.tensor(lengths) * factors).argsort()
    sizes = [batch_size] * (len(lengths) // batch_size)
    if len(lengths) % batch_size:
        place = int(torch.randint(len(sizes) + 1, (), generator=generator))
        sizes.insert(place, len(lengths) % batch_size)
    batches = [chunk.tolist() for chunk in torch.split(order, sizes)]
    return [batches[k] for k in torch.randperm(len(batches), generator=generator).tolist()]


def pad(samples: Sequence[Sample], needs: Needs, name: str) -> Batch:
    """Sequences side by side, with weight zero past their ends."""
    xs, ys, weights = zip(*samples, strict=True)
    together = torch.stack if needs.target == "last" else _padded
    return Batch(
        x=_padded(xs),
        y=together(ys),
        lengths=torch.tensor([len(x) for x in xs]),
        weights=together(weights),
        name=name,
    )


def _padded(sequences: Sequence[Tensor]) -> Tensor:
    return pad_sequence(list(sequences), batch_first=True)


class Listed:
    """Batches of a list of sequences.

    Args:
        data: what `to_samples` takes.
        needs: what to check it against.
        criterion: says which answers count.
        batch_size: sequences a batch.
        name: the argument's name, for messages.
    """

    def __init__(
        self, data: Any, needs: Needs, criterion: Criterion, batch_size: int, name: str
    ) -> None:
        self.samples = to_samples(data, needs, name)
        self.needs = needs
        self.batch_size = batch_size
        self.lengths = [len(sample.x) for sample in self.samples]
        self.batches = -(-len(self.samples) // batch_size)
        weight = sum(float(criterion.effective(s.y, s.weight).sum()) for s in self.samples)
        if weight == 0:
            raise DataError(f"fit: {name} holds no answer that counts: every weight is 0.")
        self.weight_a_batch: float | None = weight / self.batches

    def shuffled(self, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch in random order."""
        return map(self._batch, bucketed(self.lengths, self.batch_size, generator))

    def in_order(self) -> Iterator[Batch]:
        """Every sequence, shortest first."""
        order = torch.tensor(self.lengths).argsort(stable=True)
        return (self._batch(rows.tolist()) for rows in torch.split(order, self.batch_size))

    def _batch(self, indices: list[int]) -> Batch:
        batch = pad([self.samples[k] for k in indices], self.needs, _named(indices))
        return batch._replace(indices=indices)

    def fingerprint(self) -> str:
        """A hash of every value."""
        digest = hashlib.blake2b(digest_size=16)
        for sample in self.samples:
            for part in sample:
                digest.update(str(tuple(part.shape)).encode())
                digest.update(part.contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def _named(indices: Sequence[int], most: int = 64) -> str:
    listed = ", ".join(map(str, indices[:most]))
    more = f" and {len(indices) - most} more" if len(indices) > most else ""
    return f"sequence{'s' if len(indices) > 1 else ''} {listed}{more}"
