"""How many threads the native engine may use."""

from __future__ import annotations

from recurra.engine import _native

__all__ = ["get_threads", "set_threads"]


def set_threads(count: int) -> None:
    """Let a call of the native engine use so many threads; the answers have the same bits.

    At first it is what the environment variable OMP_NUM_THREADS says, or the number of processors.
    Torch's own, ``torch.set_num_threads``, is another one.

    Raises:
        ValueError: the count is not a whole number from 1.

    >>> before = get_threads()
    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(before)
    """
    if type(count) is not int or count < 1:
        raise ValueError(f"set_threads: count is {count!r}, expected a whole number from 1.")
    _native.set_threads(count)


def get_threads() -> int:
    """How many threads a call of the native engine may use."""
    return int(_native.threads())
