"""Layers of ours with the weights of torch.nn.RNN, LSTM and GRU, and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells import GRU, LSTM, Cell, Elman
from recurra.cells.state import map_state, named_slots
from recurra.interop.gates import RECURRA, TORCH, Family, add_biases, reorder, split_biases
from recurra.interop.torch_weights import weights_of
from recurra.layers import Bidirectional, Layer, Recurrent, Stack

__all__ = ["from_torch", "state_from_torch", "state_to_torch", "to_torch"]


def from_torch(module: nn.RNN | nn.LSTM | nn.GRU) -> Recurrent | Bidirectional | Stack:
    """A layer of ours that computes what a torch.nn module does, with a copy of its weights.

    Ours are batch first, whatever the module was: x is (batch, time, feature). torch's two biases
    are added up, but for the GRU's candidate, whose second bias the reset gate multiplies.

    Args:
        module: a torch.nn.RNN, LSTM or GRU, or one of `recurra.nn`.

    Returns:
        A `Recurrent`, or a `Bidirectional`; of several layers a `Stack`, with torch.nn.Dropout
        between them where the module drops.

    Raises:
        TypeError: the module is none of these.
        ValueError: the module has a proj_size.

    >>> import torch
    >>> theirs = torch.nn.GRU(3, 8, num_layers=2, batch_first=True)
    >>> ours = from_torch(theirs)
    >>> x = torch.randn(2, 5, 3)
    >>> torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)
    True
    """
    if not isinstance(module, (nn.RNN, nn.LSTM, nn.GRU)):
        raise TypeError(
            f"from_torch: module is a {type(module).__name__}, expected a torch.nn.RNN, LSTM or "
            f"GRU. Convert the recurrent modules inside a model one by one."
        )
    if module.proj_size:
        raise ValueError(
            f"from_torch: module has proj_size={module.proj_size}, and there is no projected cell "
            f"to put its weights in. Use recurra.nn.LSTM, which takes proj_size."
        )
    parts: list[nn.Module] = []
    for layer in range(module.num_layers):
        if parts and module.dropout:
            parts.append(nn.Dropout(module.dropout))
        forward = _cell_from(module, layer, backwards=False)
        if module.bidirectional:
            parts.append(Bidirectional(forward, _cell_from(module, layer, backwards=True)))
        else:
            parts.append(Recurrent(forward))
    whole = Stack(*parts) if len(parts) > 1 else parts[0]
    assert isinstance(whole, (Recurrent, Bidirectional, Stack))
    return whole.train(module.training)


def to_torch(source: Cell[Any] | Recurrent) -> nn.RNN | nn.LSTM | nn.GRU:
    """The torch.nn module that computes what a cell does, with a copy of its weights.

    The module is batch first. Of its two biases the second is zero, but for the GRU's candidate.

    Args:
        source: an `Elman`, `LSTM`, or `GRU` with reset="after", or a `Recurrent` with one.

    Raises:
        TypeError: torch.nn has no module that computes the same.

    >>> import torch, recurra as rc
    >>> ours = rc.Recurrent(rc.cells.LSTM(3, 8))
    >>> theirs = to_torch(ours)
    >>> x = torch.randn(2, 5, 3)
    >>> torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)
    True
    """
    cell = source.cell if isinstance(source, Recurrent) else source
    module, family = _empty_module(cell)
    ours, theirs = RECURRA[family], TORCH[family]
    weights = cell.state_dict()
    bias = weights["input.bias"]
    bias_ih, bias_hh = split_biases(bias, weights.get("candidate_bias", bias[:0]), ours)
    values = {
        "weight_ih_l0": weights["input.weight"],
        "weight_hh_l0": weights["recurrent.weight"],
        "bias_ih_l0": bias_ih,
        "bias_hh_l0": bias_hh,
    }
    module.to(bias)
    module.load_state_dict({name: reorder(w, ours, theirs) for name, w in values.items()})
    return module.train(source.training)


def state_from_torch(layer: Layer, hx: Tensor | tuple[Tensor, Tensor]) -> Any:
    """A torch.nn module's state as the layer that `from_torch` made of it takes it.

    Args:
        layer: what `from_torch` gave.
        hx: (layers * directions, batch, hidden_size), or for an LSTM two of them.

    >>> import torch
    >>> layer = from_torch(torch.nn.LSTM(3, 8))
    >>> state_from_torch(layer, (torch.zeros(1, 2, 8), torch.ones(1, 2, 8))).c.shape
    torch.Size([2, 8])
    """
    slots = (hx,) if isinstance(hx, Tensor) else hx
    each = (part for parts in zip(*slots, strict=True) for part in parts)
    return map_state(lambda _: next(each), layer.initial_state(slots[0].shape[1]))


def state_to_torch(state: Any) -> Tensor | tuple[Tensor, Tensor]:
    """The way back from `state_from_torch`.

    >>> import torch
    >>> layer = from_torch(torch.nn.GRU(3, 8, num_layers=2))
    >>> y, state = layer(torch.randn(4, 5, 3))
    >>> state_to_torch(state).shape
    torch.Size([2, 4, 8])
    """
    slots = named_slots(state).items()
    h = torch.stack([slot for name, slot in slots if name.split(".")[-1] == "h"])
    c = [slot for name, slot in slots if name.split(".")[-1] == "c"]
    return (h, torch.stack(c)) if c else h


def _cell_from(module: nn.RNNBase, layer: int, backwards: bool) -> Elman | LSTM | GRU:
    weights = weights_of(module, layer, backwards)
    cell, family = _empty_cell(module, weights.ih.shape[1])
    ours, theirs = RECURRA[family], TORCH[family]
    none = torch.zeros_like(weights.ih[:, 0])
    bias_ih = none if weights.bias_ih is None else weights.bias_ih
    bias_hh = none if weights.bias_hh is None else weights.bias_hh
    bias, apart = add_biases(reorder(bias_ih, theirs, ours), reorder(bias_hh, theirs, ours), ours)
    values = {
        "input.weight": reorder(weights.ih, theirs, ours),
        "input.bias": bias,
        "recurrent.weight": reorder(weights.hh, theirs, ours),
    }
    if ours.apart:
        values["candidate_bias"] = apart
    cell.to(weights.ih)
    cell.load_state_dict(values)
    return cell


def _empty_cell(module: nn.RNNBase, input_size: int) -> tuple[Elman | LSTM | GRU, Family]:
    if module.mode == "LSTM":
        return LSTM(input_size, module.hidden_size, forget_bias=None), "LSTM"
    if module.mode == "GRU":
        return GRU(input_size, module.hidden_size), "GRU"
    relu = module.mode == "RNN_RELU"
    return Elman(input_size, module.hidden_size, nonlinearity="relu" if relu else "tanh"), "RNN"


def _empty_module(cell: Any) -> tuple[nn.RNN | nn.LSTM | nn.GRU, Family]:
    # A subclass may compute something else, so only the cells themselves are taken.
    if type(cell) is LSTM:
        return nn.LSTM(cell.input_size, cell.hidden_size, batch_first=True), "LSTM"
    if type(cell) is GRU and cell.reset == "after":
        return nn.GRU(cell.input_size, cell.hidden_size, batch_first=True), "GRU"
    if type(cell) is Elman:
        how = cell.nonlinearity
        return nn.RNN(cell.input_size, cell.hidden_size, nonlinearity=how, batch_first=True), "RNN"
    name = cell.signature() if isinstance(cell, Cell) else type(cell).__name__
    raise TypeError(
        f"to_torch: source is {name}, expected Elman, LSTM, or GRU with reset='after', or a "
        f"Recurrent with one. torch.nn has no module that computes the same."
    )
