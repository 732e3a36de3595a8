"""Values as views of stored ones: an offset, and a stride for every axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from recurra.errors import PlanError

__all__ = ["DIMS", "View", "collapse", "contiguous", "reshaped"]

DIMS = 4  # loops that an instruction of the engine has


class View(NamedTuple):
    """How a value lies in the storage of another."""

    base: int  # the value that is stored
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def is_whole(self, size: int) -> bool:
        """Whether it is all of its base, in order."""
        return (
            self.offset == 0
            and math.prod(self.shape) == size
            and is_contiguous(self.shape, self.strides)
        )

    def reach(self) -> tuple[int, int]:
        """The first place of the base that it may touch, and the first one past it."""
        ways = [(size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)]
        low = self.offset + sum(way for way in ways if way < 0)
        return low, self.offset + sum(way for way in ways if way > 0) + 1


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a value that lies together in row-major order.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether elements follow each other; axes of one element may have any stride."""
    return all(
        size == 1 or stride == wanted
        for size, stride, wanted in zip(shape, strides, contiguous(shape), strict=True)
    )


def reshaped(view: View, shape: tuple[int, ...]) -> View | None:
    """The view in another shape, or None where its elements would have to move.

    >>> reshaped(View(0, 0, (2, 6), (6, 1)), (2, 3, 2))
    View(base=0, offset=0, shape=(2, 3, 2), strides=(6, 2, 1))
    >>> reshaped(View(0, 0, (2, 3), (1, 2)), (6,)) is None
    True
    """
    if math.prod(shape) == 0:
        return view._replace(shape=shape, strides=contiguous(shape))
    old: list[tuple[int, int]] = []  # size and stride of axes, those that follow each other as one
    for size, stride in zip(view.shape, view.strides, strict=True):
        if size == 1:
            continue
        if old and old[-1][1] == size * stride:
            old[-1] = (old[-1][0] * size, stride)
        else:
            old.append((size, stride))
    strides: list[int] = []
    for size in reversed(shape):
        if size == 1:
            strides.append(0)
            continue
        have, stride = old.pop()
        if have % size:
            return None
        strides.append(stride)
        if have > size:
            old.append((have // size, stride * size))
    return view._replace(shape=shape, strides=tuple(reversed(strides)))


def collapse(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The fewest loops that visit several views of one shape together.

    Args:
        shape: of all of them.
        strides: of each.

    Returns:
        DIMS sizes, and DIMS strides for each view.

    Raises:
        PlanError: more loops are needed than the engine has.

    >>> collapse((2, 3), [(3, 1), (0, 0)])
    ((1, 1, 1, 6), [(0, 0, 0, 1), (0, 0, 0, 0)])
    >>> collapse((2, 3), [(3, 1), (0, 1)])
    ((1, 1, 2, 3), [(0, 0, 3, 1), (0, 0, 0, 1)])
    """
    axes = [
        (size, tuple(each[axis] for each in strides))
        for axis, size in enumerate(shape)
        if size != 1
    ]
    joined: list[tuple[int, tuple[int, ...]]] = []
    for size, steps in axes:
        if joined:
            outer, outer_steps = joined[-1]
            if all(o == s * size for o, s in zip(outer_steps, steps, strict=True)):
                joined[-1] = (outer * size, steps)
                continue
        joined.append((size, steps))
    if len(joined) > DIMS:
        raise PlanError(f"an operation goes through its operands in {len(joined)} loops.")
    none = (0,) * len(strides)
    padded = [(1, none)] * (DIMS - len(joined)) + joined
    sizes = tuple(size for size, _ in padded)
    return sizes, [tuple(steps[k] for _, steps in padded) for k in range(len(strides))]
