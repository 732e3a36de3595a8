"""Values brought to mean zero and variance one, by what the training part says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from torch import nn

from recurra.layers import Standardize

__all__ = ["Pair", "scaled_pairs", "standardize"]

Pair = tuple[NDArray[np.float32], Any]  # x (time, feature), and what to learn of it


def standardize(rows: Sequence[NDArray[Any]], *, inverse: bool = False) -> Standardize:
    """The layer that scales as scikit-learn's StandardScaler does; a constant feature keeps 1.

    Args:
        rows: arrays (time, feature), taken together.
        inverse: the layer that goes back.

    >>> standardize([np.array([[1.0]]), np.array([[5.0]])]).mean
    tensor([3.])
    """
    scaler = StandardScaler().fit(np.concatenate(rows).astype(np.float64))
    return Standardize.of(scaler.mean_, scaler.scale_, inverse=inverse)


def scaled_pairs(
    train: list[Pair], held_out: list[Pair], *, scale: bool
) -> tuple[tuple[list[Pair], list[Pair]], list[nn.Module]]:
    """Numbers to learn brought to mean zero and variance one over the training part.

    Args:
        train: pairs whose y is (output,) or (time, output).
        held_out: such pairs.
        scale: whether to do it at all.

    Returns:
        Both lists with their y scaled, and the parts of the model that scale its answers back.
    """
    if not scale:
        return (train, held_out), []
    back = standardize([np.atleast_2d(y) for _, y in train], inverse=True)
    mean, deviation = back.mean.double().numpy(), back.scale.double().numpy()
    scaled = [[(x, (y - mean) / deviation) for x, y in part] for part in (train, held_out)]
    return (scaled[0], scaled[1]), [back]
