"""What a task is: sequences, their known answers, and the rule that judges a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError
from recurra.training.tasks.losses import IGNORED, LOSSES, LossName

__all__ = ["Kind", "Rule", "Task"]

Floats = npt.NDArray[np.float32]
Answer = npt.NDArray[Any]  # int64 classes or float32 values
Kind = Literal["last", "steps"]
Rule = Callable[[Sequence[npt.NDArray[np.float64]], Sequence[Answer]], dict[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """Sequences with known answers, and how the task's source judges a model on them.

    Made by the functions of this package, such as `repeats` or `adding`.

    Attributes:
        name: the function that made it.
        inputs: one float32 array (time, input_size) a sequence; lengths may differ.
        targets: one array a sequence. Its shape depends on kind and loss:

            ============= ================== ====================
            loss          kind "last"        kind "steps"
            ============= ================== ====================
            cross_entropy int64 ()           int64 (time,)
            mse, bce      float32 (output,)  float32 (time, output)
            ============= ================== ====================

            A step whose answer does not count holds the class -100, which
            torch.nn.functional.cross_entropy skips by default.
        kind: "last": one answer after the whole sequence; "steps": an answer a step.
        loss: "cross_entropy" (outputs are logits of classes), "mse" (outputs are values) or
            "bce" (outputs are logits of independent yes-or-no answers;
            torch.nn.functional.binary_cross_entropy_with_logits).
        input_size: features a step.
        output_size: outputs a step.
        source: the publication that defines the task.
        rule: judges (predictions, targets); `score` calls it.
        baseline: what `score` gives, in expectation, to an answer that remembers nothing. The
            function that made the task says which answer that is, and the formula.

    >>> from recurra.training import tasks
    >>> task = tasks.adding(3, length=50, seed=1)
    >>> task
    Task(adding: 3 sequences of 50 to 54 steps, 2 -> 1, last, mse)
    >>> x, y = task.pairs()[0]
    >>> x.shape, y.shape
    ((52, 2), (1,))
    >>> task.score(task.targets)
    {'solved': 1.0, 'error': 0.0, 'loss': 0.0}
    """

    name: str
    inputs: list[Floats]
    targets: list[Answer]
    kind: Kind
    loss: LossName
    input_size: int
    output_size: int
    source: str
    rule: Rule
    baseline: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        lengths = [len(x) for x in self.inputs]
        low, high = min(lengths, default=0), max(lengths, default=0)
        steps = f"{low}" if low == high else f"{low} to {high}"
        return (
            f"Task({self.name}: {len(self)} sequences of {steps} steps, "
            f"{self.input_size} -> {self.output_size}, {self.kind}, {self.loss})"
        )

    @property
    def scored(self) -> list[npt.NDArray[np.bool_]]:
        """Which answers count: one bool array a sequence, () for "last", (time,) for "steps"."""
        if self.loss == "cross_entropy":
            return [np.asarray(y != IGNORED) for y in self.targets]
        return [np.ones(y.shape[:-1], dtype=np.bool_) for y in self.targets]

    def pairs(self) -> list[tuple[Floats, Answer]]:
        """The sequences as (x, y) pairs, as a training loop takes them."""
        return list(zip(self.inputs, self.targets, strict=True))

    def score(self, predictions: Sequence[npt.ArrayLike]) -> dict[str, float]:
        """Judge a model by the rule of the task's source.

        Args:
            predictions: the model's raw outputs (logits or values, no sigmoid or softmax taken),
                one array a sequence: (output,) for "last", (time, output) for "steps".

        Returns:
            ``solved``, the fraction of sequences answered right throughout (1 is best), the
            task's further measures, and ``loss``, the mean of the task's loss over all answers.

        Raises:
            ShapeError: not one prediction a sequence, or one of another shape.
        """
        checked = self._checked(predictions)
        measures = self.rule(checked, self.targets)
        return {**measures, "loss": LOSSES[self.loss](checked, self.targets)}

    def _checked(self, predictions: Sequence[npt.ArrayLike]) -> list[npt.NDArray[np.float64]]:
        if len(predictions) != len(self):
            raise ShapeError(
                f"{self.name}.score: predictions has {len(predictions)} arrays, expected "
                f"{len(self)}, one a sequence."
            )
        arrays = [np.asarray(p, dtype=np.float64) for p in predictions]
        for row, (array, x) in enumerate(zip(arrays, self.inputs, strict=True)):
            time = () if self.kind == "last" else (len(x),)
            wanted = (*time, self.output_size)
            if array.shape != wanted:
                axes = "(output,)" if self.kind == "last" else "(time, output)"
                raise ShapeError(
                    f"{self.name}.score: predictions[{row}] has shape {array.shape}, expected "
                    f"{wanted}. A prediction is {axes}."
                )
        return arrays
