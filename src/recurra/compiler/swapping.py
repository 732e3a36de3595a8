"""Other tensors in the place of a module's weights, for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

__all__ = ["swapped"]


@contextmanager
def swapped(module: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """A module with other weights, wherever it holds them.

    torch.func.functional_call does not give a part that stands in two places its own weights back.

    Args:
        module: any.
        tensors: by the names of parameters and buffers; one that has several names goes under the
            first, as in ``named_parameters()``.

    >>> import torch
    >>> part = nn.Linear(1, 1, bias=False)
    >>> with swapped(nn.Sequential(part, part), {"0.weight": torch.full((1, 1), 3.0)}):
    ...     part(torch.ones(1, 1)).item()
    3.0
    >>> type(part.weight)
    <class 'torch.nn.parameter.Parameter'>
    """
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    others = {id(named[name]): tensor for name, tensor in tensors.items()}
    places = [
        (store, name, tensor)
        for part in module.modules()
        for store in (part._parameters, part._buffers)
        for name, tensor in store.items()
        if id(tensor) in others
    ]
    for store, name, tensor in places:
        store[name] = others[id(tensor)]  # type: ignore[assignment]
    try:
        yield
    finally:
        for store, name, tensor in places:
            store[name] = tensor  # type: ignore[assignment]
