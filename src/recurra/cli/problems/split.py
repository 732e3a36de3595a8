"""What is held out: whole sequences, or the end of the only one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.problems.problem import Part

__all__ = ["held_out_end", "held_out_sequences", "pieces"]

SHARE = 0.2


def held_out_sequences(
    targets: Sequence[Any], *, classes: bool, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which sequences to learn from and which to hold out, a fifth, at least one.

    Args:
        targets: one a sequence, two at least.
        classes: hold out a fifth of each class, and leave each class one to learn from.
        seed: what the sequences are drawn from.

    >>> train, test = held_out_sequences([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], classes=True, seed=0)
    >>> len(train), (test < 5).tolist()
    (8, [True, False])
    """
    rng = np.random.default_rng(seed)
    count = len(targets)
    order = rng.permutation(count)
    groups = [order]
    if classes:
        codes = np.asarray(targets)[order]
        groups = [order[codes == code] for code in np.unique(codes)]
    test = [group[: min(round(SHARE * len(group)), len(group) - 1)] for group in groups]
    if not any(len(each) for each in test):
        test = [max(groups, key=len)[:1]]
    held_out = np.sort(np.concatenate(test))
    return np.setdiff1d(np.arange(count), held_out), held_out


def held_out_end(x: NDArray[Any], y: NDArray[Any]) -> tuple[Part, Part]:
    """The first four fifths of one sequence to learn from, and the whole to judge the rest.

    >>> train, test = held_out_end(np.zeros((10, 1)), np.zeros(10))
    >>> len(train.sequences[0]), test.judged_from, len(test.sequences[0])
    (8, 8, 10)
    """
    cut = len(x) - max(1, round(SHARE * len(x)))
    return Part([x[:cut]], [y[:cut]]), Part([x], [y], judged_from=cut)


def pieces(part: Part, steps: int) -> Part:
    """Long sequences with a target a step, cut into pieces that are quick to learn from.

    >>> [len(x) for x in pieces(Part([np.zeros((10, 1))], [np.zeros(10)]), 4).sequences]
    [4, 3, 3]
    """
    counts = [-(-len(x) // steps) for x in part.sequences]

    def cut(rows: Sequence[Any]) -> list[Any]:
        pairs = zip(rows, counts, strict=True)
        return [piece for row, count in pairs for piece in np.array_split(row, count)]

    return Part(cut(part.sequences), cut(part.targets))
