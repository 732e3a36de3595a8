"""What the estimators share: their parameters and the call of the training loop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

from recurra.layers import Stack
from recurra.training.estimators.checks import check_sequences
from recurra.training.estimators.network import CellMaker, CellName, Noise, body
from recurra.training.estimators.scaling import Pair, standardize
from recurra.training.fit import fit
from recurra.training.losses import Loss

__all__ = ["SequenceEstimator"]

_WARM_UP = 0.3  # the share of the epochs in which the learning rate rises


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceEstimator(BaseEstimator):  # type: ignore[misc]
    """The parameters that all estimators have, and what they do with them.

    Args:
        cell: "elman", "gru", "lstm", or a callable (input_size, hidden_size) -> Cell.
        hidden_size: units of each layer.
        layers: recurrent layers on top of each other.
        dropout: the share of inputs that each layer loses in training, the same ones at every
            step of a sequence.
        recurrent_dropout: the same for the state on its way to the weights (Gal & Ghahramani
            2016). A cell of your own takes part if it names its `recurrent_maps`.
        noise: standard deviation of the normal noise added to the inputs in training, in units
            of their own standard deviation when `scale` is true.
        epochs: how often the training data is gone through.
        batch_size: sequences a step of the optimizer.
        learning_rate: the largest one; it rises over the first third of the epochs and falls to
            nothing over the rest, along a cosine.
        weight_decay: of AdamW (Loshchilov & Hutter 2019).
        clip_norm: the largest norm of the gradient; None does not clip.
        patience: epochs without a better loss on the held-out part before training stops.
        validation_fraction: the share of the training data that is held out; the weights that did
            best on it are kept.
        scale: learn on inputs (and numbers to predict) brought to mean zero and variance one. The
            statistics are those of the training data, and the scaling is a part of the model.
        random_state: an int gives the same numbers each time.
        progress: show a live bar.

    Ctrl-C in `fit` ends the training, sets what follows and raises `KeyboardInterrupt`.

    Attributes:
        model_: the trained `recurra.Stack`. It takes raw x, can be saved and, unless it is
            bidirectional, streamed.
        history_: losses, gradient norms and times, one entry an epoch.
        n_iter_: epochs that were run.
        n_features_in_: features of x.
    """

    cell: CellName | CellMaker = "gru"
    hidden_size: int = 64
    layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    noise: float = 0.0
    epochs: int = 40
    batch_size: int = 16
    learning_rate: float = 5e-3
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    patience: int | None = None
    validation_fraction: float = 0.0
    scale: bool = True
    random_state: int | np.random.RandomState | None = None
    progress: bool = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags

    @property
    def _who(self) -> str:
        return type(self).__name__

    def _to_answer(self, X: Any) -> list[NDArray[np.float32]]:
        """Sequences that a fitted estimator can answer for."""
        check_is_fitted(self, "model_")
        return check_sequences(self._who, X, self.n_features_in_)

    def _check_parameters(self) -> None:
        for name in ("hidden_size", "layers", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{self._who}: {name} is {getattr(self, name)}, expected 1 or more."
                )
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"{self._who}: validation_fraction is {self.validation_fraction}, expected a "
                f"share in [0, 1)."
            )
        if self.patience is not None and self.validation_fraction == 0:
            raise ValueError(
                f"{self._who}: patience is {self.patience}, but nothing is held out to watch. "
                f"Set validation_fraction, for example to 0.1."
            )

    @contextmanager
    def _randomness(self) -> Iterator[int]:
        """A seed, and torch's random numbers drawn from it; outside they go on as they were."""
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield seed

    def _body(self, features: int, *, bidirectional: bool = False) -> tuple[list[nn.Module], int]:
        """Noise and recurrent layers, and how many features the last one answers with."""
        parts, size = body(
            features,
            cell=self.cell,
            hidden_size=self.hidden_size,
            layers=self.layers,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            bidirectional=bidirectional,
        )
        return ([Noise(self.noise)] if self.noise else []) + parts, size

    def _inputs(self, train: Sequence[Pair]) -> list[nn.Module]:
        """The scaling of the inputs, from the training part only."""
        return [standardize([x for x, _ in train])] if self.scale else []

    def _train(
        self,
        parts: list[nn.Module],
        train: Sequence[Pair],
        held_out: Sequence[Pair],
        *,
        loss: Loss,
        target: Literal["steps", "last"],
        seed: int,
    ) -> list[nn.Module]:
        """Train a stack of these parts; gives those that a finished model keeps."""
        self.history_ = fit(
            Stack(*parts),
            list(train),
            loss,
            target=target,
            validation=list(held_out) or None,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=lambda weights: torch.optim.AdamW(
                weights, lr=self.learning_rate, weight_decay=self.weight_decay
            ),
            schedule=self._schedule,
            clip_norm=self.clip_norm,
            patience=self.patience,
            seed=seed,
            progress=self.progress,
        )
        self.n_iter_ = len(self.history_.train_loss)
        return [part for part in parts if not isinstance(part, Noise)]

    def _keep(self, model: Stack) -> None:
        """Set `model_`, and let a Ctrl-C that ended the training go on from there."""
        self.model_ = model.eval()
        if self.history_.stopped == "interrupt":
            raise KeyboardInterrupt(
                f"{self._who}: interrupted after {self.n_iter_} epochs; model_ is what they made."
            )

    def _schedule(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: rise_and_fall(k, self.epochs))


def rise_and_fall(epoch: int, epochs: int) -> float:
    """The share of the largest learning rate that an epoch, counted from 0, trains with.

    It rises and then falls along a cosine, as Smith & Topin 2017 (arXiv:1708.07120) propose.

    >>> [round(rise_and_fall(epoch, 10), 2) for epoch in range(10)]
    [0.07, 0.5, 0.93, 0.99, 0.89, 0.72, 0.5, 0.28, 0.11, 0.01]
    """
    done = (epoch + 0.5) / epochs
    if done < _WARM_UP:
        return (1 - math.cos(math.pi * done / _WARM_UP)) / 2
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2
