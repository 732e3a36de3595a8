"""What callers pass as arrays, as numpy sees it: theirs through dlpack, whoever made them."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.errors import DataError

__all__ = ["as_array"]

_READABLE = {1, 3, 11, 13}  # the CPU, and CUDA's and ROCm's memory that the CPU reads too
_DEVICES = {2: "CUDA", 8: "Metal", 10: "ROCm", 14: "oneAPI"}


def as_array(given: Any, who: str, name: str) -> np.ndarray[Any, Any]:
    """An array of numpy, over the memory that was given where that can be.

    Args:
        given: an array of numpy or of any library that exports dlpack (torch, jax, cupy, ...), or
            whatever numpy makes an array of.
        who: the model, for messages.
        name: the argument.

    Raises:
        DataError: the array is not in the CPU's memory, or its library does not hand it out.

    >>> as_array([1, 2], "LSTM(2, 3)", "x").tolist()
    [1, 2]
    """
    if isinstance(given, np.ndarray) or not hasattr(given, "__dlpack__"):
        return np.asarray(given)
    device, number = given.__dlpack_device__()
    if device not in _READABLE:
        raise DataError(
            f"{who}: {name} is on device {_DEVICES.get(int(device), int(device))}:{number}, "
            f"expected it in the CPU's memory. Copy it there first."
        )
    try:
        return np.from_dlpack(given)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{who}: {name} cannot be read: {error}") from error
