"""The order of a few symbols, far apart among distractors."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.draw import Seed, at_least, generator, one_hot
from recurra.training.tasks.rules import ClassLast
from recurra.training.tasks.task import Task

__all__ = ["ORDER_ALPHABET", "temporal_order"]

ORDER_ALPHABET = "abcdXYEB"
"""Distractors a to d, the relevant X and Y, the start E and the end (the trigger) B."""

_X, _START, _END = (ORDER_ALPHABET.index(symbol) for symbol in "XEB")
_WINDOWS = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
_TOLERANCE = 0.3


def temporal_order(
    count: int, relevant: Literal[2, 3] = 2, *, length: int = 100, seed: Seed = 0
) -> Task:
    """Tell in which order the X and Y came.

    A sequence starts with E, ends with the trigger B, and is otherwise made of distractors, drawn
    from a, b, c, d, but for ``relevant`` places which hold X or Y, each with probability a half.
    It has 100 to 110 steps. The places are drawn uniformly (bounds included, E is place 0):

        ======================= ======== ======== ======== =========
        relevant                t1       t2       t3       classes
        ======================= ======== ======== ======== =========
        2 (experiment 6a)       10 to 20 50 to 60          4
        3 (experiment 6b)       10 to 20 33 to 43 66 to 76 8
        ======================= ======== ======== ======== =========

    ``relevant`` counts the X and Y of a sequence; other writers call the two forms the 3- and the
    4-symbol (or 3- and 4-bit) task. The class reads X as 0 and Y as 1, the first one the most
    significant: XX, XY, YX, YY are 0, 1, 2, 3.

    Input (time, 8) one-hot in the order of `ORDER_ALPHABET`, target a class, loss "cross_entropy",
    scored after the last step.

    Score: ``solved``, the fraction of sequences where the error of every output, after softmax, is
    below 0.3 (the paper's outputs were sigmoids); ``accuracy``, that of the largest output right.
    Baseline: equal outputs: nothing solved, accuracy 1/classes, loss log(classes).

    Args:
        count: sequences.
        relevant: 2 or 3.
        length: 100 is the paper's; another one scales the lengths and the places with it.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Hochreiter & Schmidhuber 1997, experiments 6a and 6b (section 5.6).

    >>> from recurra.training import tasks
    >>> x, y = tasks.temporal_order(1, length=10, seed=0).pairs()[0]
    >>> "".join(tasks.ORDER_ALPHABET[k] for k in x.argmax(axis=1)), int(y)
    ('EcYbaaYadcB', 3)
    """
    if relevant not in _WINDOWS:
        raise ValueError(f"temporal_order: relevant is {relevant!r}, expected 2 or 3.")
    at_least("temporal_order", "count", count, 0)
    at_least("temporal_order", "length", length, 10)
    rng = generator(seed)
    drawn = [_sequence(relevant, length, rng) for _ in range(count)]
    classes = 2**relevant
    return Task(
        name="temporal_order",
        inputs=[one_hot(sequence, len(ORDER_ALPHABET)) for sequence, _ in drawn],
        targets=[np.array(answer, dtype=np.int64) for _, answer in drawn],
        kind="last",
        loss="cross_entropy",
        input_size=len(ORDER_ALPHABET),
        output_size=classes,
        source=(
            "Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), "
            f"experiment 6{'a' if relevant == 2 else 'b'} (section 5.6)"
        ),
        rule=ClassLast(_TOLERANCE),
        baseline={"solved": 0.0, "accuracy": 1.0 / classes, "loss": math.log(classes)},
    )


def _sequence(
    relevant: int, length: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], int]:
    steps = int(rng.integers(length, length + length // 10, endpoint=True))
    sequence = rng.integers(_X, size=steps)  # a, b, c, d come before X
    sequence[0], sequence[-1] = _START, _END
    answer = 0
    for low, high in _WINDOWS[relevant]:
        place = rng.integers(low * length // 100, high * length // 100, endpoint=True)
        is_y = int(rng.integers(2))
        sequence[place] = _X + is_y
        answer = 2 * answer + is_y
    return sequence, answer
