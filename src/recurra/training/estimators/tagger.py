"""A label a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from torch import nn

from recurra.errors import ShapeError
from recurra.layers import Stack
from recurra.training.estimators.base import SequenceEstimator
from recurra.training.estimators.checks import check_labels, check_sequences
from recurra.training.estimators.running import answers, probabilities
from recurra.training.estimators.whole import hold_out

__all__ = ["SequenceTagger"]

Tags = list[NDArray[Any]]  # (time,) each


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(SequenceEstimator):
    """Gives every step of each sequence a label.

    Its parameters and attributes are those of `SequenceEstimator`, and besides:

    Args:
        bidirectional: read each sequence from both ends, so that a label may depend on what comes
            after its step; the model cannot be streamed.

    Attributes:
        classes_: (class,), sorted.

    >>> import numpy as np
    >>> from recurra.training.estimators import SequenceTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(rng.integers(5, 9), 1)) for _ in range(40)]
    >>> y = [np.where(x[:, 0] > 0, "high", "low") for x in X]
    >>> tagger = SequenceTagger(hidden_size=8, batch_size=8, random_state=0).fit(X, y)
    >>> tagger.predict([[[2.0], [-2.0], [2.0]]])[0].tolist()
    ['high', 'low', 'high']
    """

    bidirectional: bool = False

    def fit(self, X: Any, y: Any) -> SequenceTagger:
        """Train.

        Args:
            X: sequences: a list of (time, feature), or an array (sequence, time, feature).
            y: a list of (time,) labels, as long as their sequences.

        Raises:
            DataError: a value is not finite, a sequence is empty, or there is one class only.
            ShapeError: sequences differ in features, or labels and steps in number.
        """
        self._check_parameters()
        sequences = check_sequences(self._who, X)
        steps = [len(x) for x in sequences]
        labels = check_labels(self._who, joined(self._who, y, steps), sum(steps), "y, joined,")
        self.classes_ = labels.classes
        self.n_features_in_ = sequences[0].shape[1]
        codes = np.split(labels.codes, np.cumsum(steps)[:-1])
        with self._randomness() as seed:
            pairs = list(zip(sequences, codes, strict=True))
            train, held_out = hold_out(self._who, pairs, self.validation_fraction, seed)
            inside, size = self._body(self.n_features_in_, bidirectional=self.bidirectional)
            parts = [*self._inputs(train), *inside, nn.Linear(size, len(labels.classes))]
            kept = self._train(
                parts, train, held_out, loss="cross_entropy", target="steps", seed=seed
            )
        self._keep(Stack(*kept))
        return self

    def predict(self, X: Any) -> Tags:
        """The most probable label of every step: a list of (time,)."""
        probable = self.predict_proba(X)
        return [self.classes_[each.argmax(axis=1)] for each in probable]

    def predict_proba(self, X: Any) -> list[NDArray[np.float32]]:
        """Each label's probability at every step: a list of (time, class)."""
        sequences = self._to_answer(X)
        return [probabilities(y) for y in answers(self.model_, sequences)]

    def score(self, X: Any, y: Any) -> float:
        """The share of all steps that get their label."""
        predicted = self.predict(X)
        wanted = joined(self._who, y, [len(tags) for tags in predicted])
        return float(accuracy_score(wanted, np.concatenate(predicted)))


def joined(who: str, y: Any, steps: list[int]) -> NDArray[Any]:
    """All labels in one array, once there is one for every step.

    Raises:
        ShapeError: there is not.

    >>> joined("tags", [["a", "b"], ["c"]], steps=[2, 1]).tolist()
    ['a', 'b', 'c']
    """
    labels = [np.asarray(each) for each in y]
    if len(labels) != len(steps):
        raise ShapeError(f"{who}: y has {len(labels)} entries for {len(steps)} sequences in X.")
    for row, (each, length) in enumerate(zip(labels, steps, strict=True)):
        if each.shape != (length,):
            raise ShapeError(
                f"{who}: y[{row}] has shape {each.shape}, expected ({length},), a label for every "
                f"step of X[{row}]."
            )
    return np.concatenate(labels)
