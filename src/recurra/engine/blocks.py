"""Memory for answers, gradients and what training keeps, used again from call to call.

A training step keeps megabytes from forward to backward, and answers and gradients are as large.
Fresh memory comes from the system page by page, each zeroed when it is first touched, which takes
as long as a fifth of the step; so a block that torch has freed waits here for the next call.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.engine import Array

__all__ = ["block_of", "empty_cache", "empty_tensor"]

FROM = 1 << 20  # bytes; a smaller block comes from memory that is at hand anyway
AT_MOST = 1 << 28  # bytes that may wait, of all blocks

_lock = (
    threading.RLock()
)  # a block may come back while one is looked for: the collector is anywhere
_waiting: list[Array] = []  # the one that came back last at the end


def block_of(size: int) -> Tensor:
    """Bytes whose memory comes back here when torch frees it.

    >>> first = block_of(1 << 21)
    >>> address = first.data_ptr()
    >>> del first
    >>> block_of(3 << 19).data_ptr() == address
    True
    """
    return empty_tensor((size,), torch.uint8)


_CPU = torch.device("cpu")
_TYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.uint8: np.dtype(np.uint8),
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}


def empty_tensor(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of uint8, float32 or float64 whose memory comes back here when torch frees it.

    >>> empty_tensor((1 << 10, 1 << 10), torch.float32).shape
    torch.Size([1024, 1024])
    """
    of_numpy = _TYPES[dtype]
    size = math.prod(shape) * of_numpy.itemsize
    if size < FROM:
        return torch.empty(shape, dtype=dtype, device=_CPU)
    memory = _take(size)
    # Made whole before torch sees it: to torch a view is not the same as a tensor of its own.
    lent: Array = memory[:size].view(of_numpy).reshape(shape)
    weakref.finalize(lent, _give_back, memory).atexit = False
    return torch.from_numpy(lent)


def empty_cache() -> None:
    """Give the memory that waits for the next call back to the system.

    It is 256 MiB at most.

    >>> import recurra as rc
    >>> rc.empty_cache()
    """
    with _lock:
        _waiting.clear()


def _take(size: int) -> Array:
    """The smallest block that is large enough and not twice as large as need be, or a new one."""
    with _lock:
        fitting = [block for block in _waiting if size <= len(block) <= 2 * size]
        if fitting:
            best = min(fitting, key=len)
            _waiting[:] = [block for block in _waiting if block is not best]
            return best
    return np.empty(size, dtype=np.uint8)


def _give_back(memory: Array) -> None:
    with _lock:
        _waiting.append(memory)
        while sum(len(block) for block in _waiting) > AT_MOST:
            del _waiting[0]
