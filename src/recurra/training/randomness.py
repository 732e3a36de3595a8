"""torch's random numbers: a training draws its own and leaves the caller's alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["own_randomness", "random_state", "set_random_state"]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The generators' states of the CPU and of one device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Go on drawing where `random_state` was taken."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
    if "mps" in state and device.type == "mps":
        torch.mps.set_rng_state(state["mps"])


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from a fresh seed inside, and leave torch's generators as they were.

    >>> import torch
    >>> before = torch.get_rng_state()
    >>> with own_randomness(0, torch.device("cpu")):
    ...     drawn = torch.rand(3)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    before = random_state(device)
    try:
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield
    finally:
        set_random_state(before, device)
