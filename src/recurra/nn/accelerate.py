"""Swaps torch.nn's recurrent layers for ours, in a model that exists already."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from recurra.nn.modules import GRU, LSTM, RNN

__all__ = ["accelerate"]

Module = TypeVar("Module", bound=nn.Module)

_DROP_INS: dict[type[nn.Module], type[nn.Module]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


def accelerate(model: Module) -> Module:
    """Make every torch.nn.RNN, LSTM and GRU in a model one of recurra's, in place.

    The modules stay the same objects with the same parameters, so optimisers, hooks, shared modules
    and saved weights go on as they were. What changes is what ``forward`` takes: `lengths` for
    ragged rows without sorting and packing, and `reset` for episodes that end inside a batch.

    On the CPU in float32 and float64 every call then runs on the native engine; elsewhere calls
    that use neither run on torch's own kernels as before, ragged rows on torch's kernels for packed
    ones, and only a `reset` on a loop over time, which is slower and takes what they cannot.

    Subclasses of torch's layers, parametrized ones among them, may compute something else, and
    scripted modules are compiled; both are left as they are. ``torch.jit.script`` and torch's
    dynamic quantization know torch's own classes only, so use them before, or on another copy.

    Args:
        model: any module, or a recurrent layer itself.

    Returns:
        The same model.

    >>> import torch, recurra as rc
    >>> from torch import nn
    >>> model = nn.ModuleDict({"memory": nn.LSTM(3, 8, batch_first=True), "head": nn.Linear(8, 1)})
    >>> rc.accelerate(model) is model
    True
    >>> y, _ = model["memory"](torch.randn(2, 5, 3), lengths=[5, 2])
    >>> y[1, 2:].abs().sum().item()
    0.0
    """
    for module in model.modules():
        drop_in = _DROP_INS.get(type(module))
        if drop_in is not None:
            module.__class__ = drop_in
    return model
