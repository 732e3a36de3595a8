"""Python values as JSON holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["plain_json"]


def plain_json(value: Any, where: str) -> Any:
    """A value as JSON holds it: tuples become lists, numpy's numbers plain ones.

    Raises:
        TypeError: it is something that JSON does not have.
        ValueError: it is a number that JSON does not have.

    >>> plain_json({"names": ("a", "b")}, "notes")
    {'names': ['a', 'b']}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"save: {where} is {value}, expected a finite number.")
        return value
    if isinstance(value, (list, tuple)):
        return [plain_json(part, f"{where}[{k}]") for k, part in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(
                    f"save: {where} has the key {name!r}, expected text: JSON's keys are."
                )
        return {name: plain_json(part, f"{where}[{name!r}]") for name, part in value.items()}
    repair = " Use its tolist()." if hasattr(value, "tolist") else ""
    raise TypeError(f"save: {where} is a {type(value).__name__}, expected JSON values.{repair}")
