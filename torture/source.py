"""A replayable source, and the states that its events lead to when nothing interrupts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import recurra as rc

KEYS = 300
ROWS = 24

Array = np.ndarray[Any, Any]


def save_a_model(path: Path, size: int = 16, features: int = 3) -> None:
    """An LSTM under a dense layer. Needs torch, which what runs it later does not."""
    import torch

    torch.manual_seed(0)
    rc.save(rc.Stack(rc.Recurrent(rc.cells.LSTM(features, size)), torch.nn.Linear(size, 2)), path)


def batch(number: int, features: int = 3) -> tuple[list[int | str], Array]:
    """The same keys and events each time it is asked for; keys come twice in it now and then."""
    draw = np.random.default_rng(number)
    keys = [int(k) if k % 2 else f"pump-{k}" for k in draw.integers(KEYS, size=ROWS)]
    return keys, draw.normal(size=(ROWS, features)).astype(np.float32)


def uninterrupted(model: rc.Model, batches: int) -> dict[int | str, dict[str, Array]]:
    """The state of every key after so many batches: a plain dict of single steps."""
    states: dict[int | str, dict[str, Array]] = {}
    streams = {}
    for number in range(batches):
        for key, x in zip(*batch(number), strict=True):
            if key not in streams:
                streams[key] = model.stream()
            streams[key].step(x)
    for key, stream in streams.items():
        states[key] = stream.state
    return states
