"""The loop itself: batches in, better weights out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from recurra.errors import ModelFileError
from recurra.training.answers import Asked
from recurra.training.batches import Batch, Listed
from recurra.training.checkpoint import check_belongs, read_checkpoint, write_checkpoint
from recurra.training.history import History
from recurra.training.loader import Loaded
from recurra.training.losses import Criterion, Measured
from recurra.training.nonfinite import training_blew_up, validation_blew_up
from recurra.training.progress import Quiet
from recurra.training.randomness import random_state, set_random_state

__all__ = ["Trainer"]

Source = Listed | Loaded


class Trainer:
    """A model, its data and everything that changes while it learns.

    Args:
        ask: the model, and how to call it.
        criterion: the loss.
        train: what to learn from.
        validation: what to judge each epoch by, if anything.
        optimizer: of the model's weights.
        schedule: of the optimizer's learning rate, if any.
        clip_norm: the largest norm of the gradients, infinity for no limit.
        generators: what the order of the data is drawn from: of a list from the first, of a
            DataLoader from all that it has.
        device: where the model lives.
    """

    def __init__(
        self,
        ask: Asked,
        criterion: Criterion,
        train: Source,
        validation: Source | None,
        optimizer: torch.optim.Optimizer,
        schedule: LRScheduler | None,
        clip_norm: float,
        generators: Sequence[torch.Generator],
        device: torch.device,
    ) -> None:
        self.ask = ask
        self.model = ask.model
        self.criterion = criterion
        self.train = train
        self.validation = validation
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.generators = generators
        self.device = device
        self.weights = [w for group in optimizer.param_groups for w in group["params"]]
        self.best: Mapping[str, Any] | None = None  # the weights to leave the model with
        self.history = History()

    def run_epoch(self, display: Quiet) -> None:
        """Train on every batch, validate, and keep the weights if they are the best."""
        started = time.perf_counter()
        rate = float(self.optimizer.param_groups[0]["lr"])
        loss, norm, sequences = self._train_epoch(display)
        trained = time.perf_counter()
        judged = None if self.validation is None else self._validate(self.validation)
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(loss if judged is None else judged)
        elif self.schedule is not None:
            self.schedule.step()
        better = judged is None or judged < min(self.history.validation_loss, default=math.inf)
        best = copy.deepcopy(self.model.state_dict()) if better else self.best
        history = self.history.after(
            judged,
            train_loss=loss,
            gradient_norm=norm,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            sequences_per_second=sequences / (trained - started),
        )
        # At once, so that Ctrl-C finds both of the same epoch.
        self.best, self.history = best, history

    def _train_epoch(self, display: Quiet) -> tuple[float, float, int]:
        """The mean loss, the mean norm of the gradients, and how many sequences there were."""
        self.model.train()
        epoch, started = self.history.epochs + 1, time.perf_counter()
        total, weight, sequences = 0.0, 0.0, 0
        norms: list[float] = []
        for step, batch in enumerate(self.train.shuffled(self.generators[0]), 1):
            batch = batch.to(self.device)
            measured = self._measure(batch)
            sequences += len(batch.x)
            if measured.weight > 0:
                norms.append(self._update(measured, batch, epoch, step, norms))
                total += measured.total.item()
                weight += measured.weight
            speed = sequences / (time.perf_counter() - started)
            display.step(epoch, total / (weight or 1.0), speed)
        return total / (weight or 1.0), sum(norms) / (len(norms) or 1), sequences

    def _measure(self, batch: Batch) -> Measured:
        return self.criterion(self.ask(batch), batch.y, batch.weights)

    def _update(
        self, measured: Measured, batch: Batch, epoch: int, step: int, norms: list[float]
    ) -> float:
        """One step of the optimizer; gives the norm of the gradients before clipping."""
        self.optimizer.zero_grad()
        (measured.total / (self.train.weight_a_batch or measured.weight)).backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.weights, self.clip_norm).item()
        loss = measured.total.item() / measured.weight
        if not (math.isfinite(loss) and math.isfinite(norm)):
            before = norms or self.history.gradient_norm
            last = before[-1] if before else None
            raise training_blew_up(batch, epoch, step, loss, norm, last)
        self.optimizer.step()
        return norm

    @torch.no_grad()
    def _validate(self, source: Source) -> float:
        self.model.eval()
        total, weight = 0.0, 0.0
        for batch in source.in_order():
            batch = batch.to(self.device)
            measured = self._measure(batch)
            part = measured.total.item()
            if not math.isfinite(part):
                raise validation_blew_up(batch, self.history.epochs + 1, part)
            total += part
            weight += measured.weight
        return total / (weight or 1.0)

    def epochs_since_best(self) -> int:
        """How long the validation loss has not become better."""
        return self.history.epochs - (self.history.best_epoch or 0)

    def restore_best(self) -> None:
        """Leave the model with the best weights; before any epoch is over, with those it has."""
        self.model.zero_grad()  # of the weights too that the optimizer was not given
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def save(self, path: Path, config: Mapping[str, Any]) -> None:
        """Write all that changes to a checkpoint."""
        content = {
            "config": dict(config),
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "history": asdict(self.history),
            "random": random_state(self.device),
            "shuffler": [generator.get_state() for generator in self.generators],
        }
        write_checkpoint(path, content)

    def resume(self, path: Path, config: Mapping[str, Any]) -> None:
        """Take up all that changes from a checkpoint of this same training.

        Raises:
            ModelFileError: the file is not a whole checkpoint.
            TrainingError: it belongs to another training.
        """
        content = read_checkpoint(path)
        check_belongs(path, content["config"], config)
        try:
            self._take_up(content)
        except (TypeError, ValueError, LookupError, RuntimeError, AttributeError) as error:
            raise ModelFileError(
                f"fit: checkpoint {path} does not hold what its settings say ({error}). Delete it "
                f"to train from the start."
            ) from error

    def _take_up(self, content: Mapping[str, Any]) -> None:
        self.model.load_state_dict(content["model"])
        self.best = content["best"]
        self.optimizer.load_state_dict(content["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(content["schedule"])
        self.history = History(**content["history"])
        self.history.stopped = "epochs"
        set_random_state(content["random"], self.device)
        for generator, state in zip(self.generators, content["shuffler"], strict=True):
            generator.set_state(state)
