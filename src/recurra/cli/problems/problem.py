"""Data to learn from, data to be judged by, and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.notes import MEANINGS, Task

__all__ = ["Part", "Problem"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """Sequences and their targets.

    Attributes:
        sequences: each (time, feature).
        targets: one a sequence, or (time,) for each sequence. Class codes or numbers.
        judged_from: the steps before this one are read but not judged.
    """

    sequences: Sequence[NDArray[np.float32]]
    targets: Sequence[Any]
    judged_from: int = 0

    @property
    def steps(self) -> int:
        """Of all sequences together."""
        return sum(len(x) for x in self.sequences)


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be learned.

    Attributes:
        task: what a model answers.
        train: to learn from.
        test: held out.
        sentences: "Label: text" each, for the person who started it.
        features: the features' names.
        classes: the classes' names, by code; none for numbers.
        target: the name of what is learned.
        judged: what the test part is, such as "370 recordings".
        columns: further notes: the columns of sequence and time.
        settings: arguments for the estimator that suit this data.
    """

    task: Task
    train: Part
    test: Part
    sentences: tuple[str, ...]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    target: str
    judged: str
    columns: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def per_step(self) -> bool:
        """Whether every step has a target of its own."""
        return self.task in ("tag_steps", "regress_steps", "forecast")

    def notes(self, classes: Iterable[int], scores: dict[str, float]) -> dict[str, Any]:
        """What is kept with the model.

        Args:
            classes: the code of each output, in order.
            scores: on the test part.
        """
        named = {"classes": [self.classes[code] for code in classes]} if self.classes else {}
        return {
            "task": self.task,
            "answers": MEANINGS[self.task],
            "target": self.target,
            "features": list(self.features),
            **named,
            **self.columns,
            "score": {"on": self.judged, **scores},
        }
