"""What the generators share: seeds, lengths, one-hot codes and the checks of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Length", "Seed", "at_least", "draw_lengths", "generator", "one_hot"]

Seed = int | np.random.Generator
Length = int | tuple[int, int]


def generator(seed: Seed) -> np.random.Generator:
    """The generator itself, or a new one for the seed; numpy's global one is never touched."""
    return np.random.default_rng(seed)


def at_least(who: str, argument: str, value: int, least: int) -> int:
    """The value, if it is not too small."""
    if value < least:
        raise ValueError(f"{who}: {argument} is {value}, expected at least {least}.")
    return value


def draw_lengths(
    who: str, count: int, length: Length, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """One length a sequence: fixed, or uniform between two bounds (both included)."""
    at_least(who, "count", count, 0)
    low, high = (length, length) if isinstance(length, int) else length
    at_least(who, "length", low, 1)
    if high < low:
        raise ValueError(f"{who}: length is {length}, expected (shortest, longest).")
    return rng.integers(low, high, size=count, endpoint=True)


def one_hot(symbols: npt.NDArray[Any], size: int) -> npt.NDArray[np.float32]:
    """(time,) whole numbers as (time, size) zeros with a single 1 a step."""
    code = np.zeros((len(symbols), size), dtype=np.float32)
    code[np.arange(len(symbols)), symbols] = 1.0
    return code
