"""Running a trained model over sequences of unequal length, numpy in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recurra.layers import Layer

__all__ = ["answers", "last_answers", "padded", "probabilities"]

_ROWS_AT_ONCE = 256

Arrays = Sequence[NDArray[np.float32]]  # each (time, feature)


def padded(sequences: Arrays) -> tuple[Tensor, Tensor]:
    """Sequences side by side (batch, time, feature), and their lengths (batch,)."""
    rows = [torch.tensor(x) for x in sequences]
    return pad_sequence(rows, batch_first=True), torch.tensor([len(x) for x in rows])


@torch.no_grad()
def answers(model: Layer, sequences: Arrays) -> list[NDArray[np.float32]]:
    """The answers at every step, (time, output) a sequence, in the order the sequences came.

    >>> import recurra as rc
    >>> mean = rc.Stack(rc.Recurrent(rc.cells.Mean(1)))
    >>> [y[:, 0].tolist() for y in answers(mean, [np.array([[1.0], [2.0]]), np.array([[5.0]])])]
    [[1.0, 1.5], [5.0]]
    """
    shortest_first = np.argsort([len(x) for x in sequences], kind="stable")
    found: list[Any] = [None] * len(sequences)
    for start in range(0, len(sequences), _ROWS_AT_ONCE):
        rows = shortest_first[start : start + _ROWS_AT_ONCE]
        x, lengths = padded([sequences[row] for row in rows])
        y = model(x, lengths=lengths)[0].numpy()
        for row, answer, length in zip(rows, y, lengths.tolist(), strict=True):
            found[row] = answer[:length]
    return found


def last_answers(model: Layer, sequences: Arrays) -> NDArray[np.float32]:
    """The answers after the last step of each sequence, (sequence, output)."""
    return np.stack([y[-1] for y in answers(model, sequences)])


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The softmax over the last axis.

    >>> probabilities(np.array([[0.0, 0.0]], dtype=np.float32)).tolist()
    [[0.5, 0.5]]
    """
    found: NDArray[np.float32] = torch.from_numpy(logits).double().softmax(-1).float().numpy()
    return found
