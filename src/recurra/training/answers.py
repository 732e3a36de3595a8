"""How a model, ours or any other, is asked for the answers that are compared with y."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import ShapeError
from recurra.layers import Layer
from recurra.training.batches import Batch
from recurra.training.samples import Target

__all__ = ["Asked"]


class Asked:
    """Calls a model on batches.

    A recurra layer, or any module whose forward takes ``lengths``, is called as
    ``model(x, lengths=lengths)``; any other as ``model(x)``, and sees the zeros past a row's end.
    Of a model in torch.compile or DataParallel the forward inside is looked at.
    What comes back is y, or a tuple that starts with y.

    Args:
        model: answers (batch, time, feature).
        target: "last" takes each row's answer at its last real step, or the model's (batch,
            feature) as it is.

    Raises:
        ValueError: the model puts time before batch.
    """

    def __init__(self, model: nn.Module, target: Target) -> None:
        inner = _unwrapped(model)
        if getattr(inner, "batch_first", True) is False:
            raise ValueError(
                f"fit: model is a {type(inner).__name__} with batch_first=False, expected x as "
                f"(batch, time, feature). Make it with batch_first=True."
            )
        self.model = model
        self.target = target
        self.takes_lengths = isinstance(inner, Layer) or _takes_lengths(inner)

    def __call__(self, batch: Batch) -> Tensor:
        """Answers (batch, time, feature), or (batch, feature) for target "last".

        Raises:
            ShapeError: the model answered with other axes.
        """
        ragged = bool((batch.lengths != batch.x.shape[1]).any())
        if self.takes_lengths and ragged:
            given = self.model(batch.x, lengths=batch.lengths)
        else:
            given = self.model(batch.x)
        y = self._checked(given[0] if isinstance(given, tuple) else given, batch)
        if self.target != "last" or y.dim() == 2:
            return y
        rows = torch.arange(len(y), device=y.device)
        return y[rows, batch.lengths - 1]

    def _checked(self, y: Any, batch: Batch) -> Tensor:
        name = type(self.model).__name__
        if not isinstance(y, Tensor):
            raise TypeError(f"fit: {name} answered with a {type(y).__name__}, expected a tensor.")
        if y.dim() == 3 and y.shape[:2] == batch.x.shape[:2]:
            return y
        if self.target == "last" and y.dim() == 2 and len(y) == len(batch.x):
            return y
        last = " or (batch, feature)" if self.target == "last" else ""
        raise ShapeError(
            f"fit: {name} answered with shape {tuple(y.shape)} to x of shape "
            f"{tuple(batch.x.shape)}, expected (batch, time, feature){last}."
        )


def _takes_lengths(model: nn.Module) -> bool:
    return "lengths" in inspect.signature(model.forward).parameters


def _unwrapped(model: nn.Module) -> nn.Module:
    """The module that torch.compile or a data-parallel wrapper calls in the end."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(compiled := getattr(model, "_orig_mod", None), nn.Module):
            model = compiled
        else:
            return model
