"""Training: a loop for sequences of any lengths, estimators, and tasks with known answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra.training.fit import fit
from recurra.training.history import History
from recurra.training.windows import Window, windows

if TYPE_CHECKING:
    from recurra.training import tasks
    from recurra.training.estimators import (
        Forecaster,
        SequenceClassifier,
        SequenceRegressor,
        SequenceTagger,
    )

__all__ = [
    "Forecaster",
    "History",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "Window",
    "fit",
    "tasks",
    "windows",
]

_ESTIMATORS = {"Forecaster", "SequenceClassifier", "SequenceRegressor", "SequenceTagger"}


def __getattr__(name: str) -> Any:
    """The tasks and the estimators, which need scikit-learn, on first use."""
    from importlib import import_module

    if name == "tasks":
        return import_module("recurra.training.tasks")
    if name in _ESTIMATORS:
        return getattr(import_module("recurra.training.estimators"), name)
    raise AttributeError(f"module 'recurra.training' has no attribute {name!r}")
