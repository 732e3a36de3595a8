"""The weights of a torch.nn recurrent layer, by layer and direction."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["Weights", "weights_of"]


class Weights(NamedTuple):
    """What one layer computes with in one direction, in torch.nn's order of gates."""

    ih: Tensor  # (gates * hidden_size, features of x)
    hh: Tensor  # (gates * hidden_size, features of h)
    bias_ih: Tensor | None  # (gates * hidden_size,)
    bias_hh: Tensor | None  # (gates * hidden_size,)
    hr: Tensor | None  # (proj_size, hidden_size)


def weights_of(module: nn.RNNBase, layer: int, backwards: bool) -> Weights:
    """The weights as the module has them now: parametrized, pruned or swapped for one call.

    >>> weights_of(nn.GRU(3, 8), layer=0, backwards=False).ih.shape
    torch.Size([24, 3])
    """
    suffix = f"_l{layer}_reverse" if backwards else f"_l{layer}"

    def get(name: str) -> Tensor | None:
        return getattr(module, name + suffix, None)

    return Weights(
        ih=getattr(module, "weight_ih" + suffix),
        hh=getattr(module, "weight_hh" + suffix),
        bias_ih=get("bias_ih"),
        bias_hh=get("bias_hh"),
        hr=get("weight_hr"),
    )
