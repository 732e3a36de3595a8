"""How each library stacks the gates of a cell into one matrix, and what it does with biases.

A weight of a gated cell holds one block of rows a gate. Libraries agree on the equations and differ
in the order of the blocks, and in how many biases they keep. Letters are those of our cells:

========  ===========================================================
RNN       h new state
LSTM      i input, f forget, u candidate (torch's g), o output
GRU       r reset, z update (kept share of the old state), n candidate
========  ===========================================================

Sources: the equations and the "Variables" sections of torch.nn.RNN, LSTM and GRU.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["RECURRA", "TORCH", "Family", "Gates", "add_biases", "reorder", "split_biases"]

Family = Literal["RNN", "LSTM", "GRU"]


class Gates(NamedTuple):
    """The blocks of one family in one library."""

    order: str  # a letter a block
    apart: str = ""  # blocks whose two biases cannot be added: a gate multiplies the second one


RECURRA: dict[Family, Gates] = {
    "RNN": Gates("h"),
    "LSTM": Gates("ifuo"),
    "GRU": Gates("rzn", apart="n"),
}

TORCH: dict[Family, Gates] = {
    "RNN": Gates("h"),
    "LSTM": Gates("ifuo"),
    "GRU": Gates("rzn", apart="n"),
}


def reorder(weight: Tensor, source: Gates, target: Gates) -> Tensor:
    """The blocks along the first axis in another order.

    >>> import torch
    >>> reorder(torch.tensor([1, 2, 3]), Gates("zrn"), Gates("rzn")).tolist()
    [2, 1, 3]
    """
    blocks = dict(zip(source.order, weight.chunk(len(source.order)), strict=True))
    return torch.cat([blocks[gate] for gate in target.order])


def add_biases(input: Tensor, recurrent: Tensor, gates: Gates) -> tuple[Tensor, Tensor]:
    """One bias out of two, beside what has to stay apart.

    Args:
        input: (blocks * size,), added to W x.
        recurrent: (blocks * size,), added to R h.
        gates: how both are stacked.

    Returns:
        The bias (blocks * size,), and the recurrent bias of the blocks apart.

    >>> import torch
    >>> add_biases(torch.tensor([1, 1, 1]), torch.tensor([2, 3, 4]), Gates("rzn", apart="n"))
    (tensor([3, 4, 1]), tensor([4]))
    """
    blocks = dict(zip(gates.order, recurrent.chunk(len(gates.order)), strict=True))
    inside = {g: torch.zeros_like(b) if g in gates.apart else b for g, b in blocks.items()}
    apart = [blocks[gate] for gate in gates.apart]
    return (
        input + torch.cat([inside[gate] for gate in gates.order]),
        torch.cat(apart) if apart else recurrent[:0],
    )


def split_biases(bias: Tensor, apart: Tensor, gates: Gates) -> tuple[Tensor, Tensor]:
    """The way back from `add_biases`: all in the input's bias, zeros in the recurrent one.

    >>> import torch
    >>> split_biases(torch.tensor([3, 4, 1]), torch.tensor([4]), Gates("rzn", apart="n"))
    (tensor([3, 4, 1]), tensor([0, 0, 4]))
    """
    zeros = dict(zip(gates.order, torch.zeros_like(bias).chunk(len(gates.order)), strict=True))
    kept = dict(zip(gates.apart, apart.chunk(len(gates.apart) or 1), strict=False))
    return bias, torch.cat([kept.get(gate, zeros[gate]) for gate in gates.order])
