"""Zeros that leave the processors to the layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

__all__ = ["new_zeros"]

# From so many elements on torch shares filling out among threads, which then turn idle rounds on
# the processors that the layer is about to use, for longer than a layer may take.
_SHARED_OUT = 1 << 15
_TYPES = {torch.float32: np.float32, torch.float64: np.float64}


def new_zeros(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Zeros of the type and on the device of a tensor.

    >>> import torch
    >>> new_zeros(torch.ones(1, dtype=torch.float64), (2, 1))
    tensor([[0.],
            [0.]], dtype=torch.float64)
    """
    if not torch.compiler.is_compiling() and math.prod(shape) >= _SHARED_OUT and _is_plain(like):
        return torch.from_numpy(np.zeros(shape, _TYPES[like.dtype]))
    return like.new_zeros(shape)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is numbers on the CPU, and nobody records or maps what is done with it."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype in _TYPES
        and tensor.is_cpu
        and _get_current_dispatch_mode() is None
        and torch._C._len_torch_function_stack() == 0
        and not torch._C._are_functorch_transforms_active()
        and torch._C._get_tracing_state() is None
    )
