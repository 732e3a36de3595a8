"""Values for the inputs of programs: ordinary numbers, and among them some that are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.program import Type

SPECIAL = [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308]


def drawn(given: Type, leading: tuple[int, ...], random: np.random.Generator) -> Any:
    shape = (*leading, *given.shape)
    if given.kind == "bool":
        return random.random(shape) < 0.5
    if given.kind == "index":
        return random.choice([0, 1, 2, -1, 2**62], shape)
    odd = random.random(shape) < 0.05
    return np.where(odd, random.choice(SPECIAL, shape), random.standard_normal(shape))
