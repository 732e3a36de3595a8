"""Training a model on sequences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from recurra.training.answers import Asked
from recurra.training.batches import Listed
from recurra.training.history import History
from recurra.training.identity import identity, optimizer_settings
from recurra.training.loader import Loaded
from recurra.training.losses import Criterion, Loss
from recurra.training.progress import Shown, progress_display
from recurra.training.randomness import own_randomness
from recurra.training.samples import Needs, Target
from recurra.training.trainer import Source, Trainer

__all__ = ["fit"]

MakeOptimizer = Callable[[Iterable[Tensor]], torch.optim.Optimizer]
MakeSchedule = Callable[[torch.optim.Optimizer], LRScheduler]


def fit(
    model: nn.Module,
    data: Iterable[Any],
    loss: Loss,
    *,
    target: Target = "steps",
    validation: Iterable[Any] | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    optimizer: MakeOptimizer | None = None,
    learning_rate: float = 1e-3,
    schedule: MakeSchedule | None = None,
    clip_norm: float | None = 1.0,
    patience: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    seed: int = 0,
    progress: Shown = None,
) -> History:
    """Train a model in place on sequences of any lengths.

    Each epoch takes every sequence once, in batches of similar lengths and in random order. Every
    answer that counts has the same weight over the epoch, whichever batch it falls into; padding
    has none. (A DataLoader's batches weigh the same each, since their sizes are not known before.)

    All random numbers, dropout's too, are drawn from `seed` and the caller's are left alone, so
    the same call on the same machine gives the same weights. For streams longer than memory there
    is `windows`.

    Args:
        model: a recurra layer, called as ``model(x, lengths=lengths)``, or any torch module that
            answers (batch, time, feature), or a tuple that starts with it. For target "last" an
            answer (batch, feature) is taken as it is. A module whose forward takes no ``lengths``
            sees zeros past a sequence's end. The data are moved to where the model is.
        data: pairs (x, y), or triples (x, y, weight), of arrays or tensors, one a sequence, with
            x (time, feature), or (time,) of indices; for target "next" x alone. Or a torch
            DataLoader of padded batches (x, y), (x, y, lengths) or (x, y, lengths, weights), or of
            lists of sequences (``collate_fn=list``).
        loss: "cross_entropy": y holds a class an answer (-100 does not count), or probabilities
            of classes. "mse": y holds a value, or features. "bce": y is 0 to 1 and answers are
            logits. Or a callable of answers (count, feature) and targets (count, ...), only of
            those that count, that gives their mean, or one loss an answer. Answers of one feature
            are (count,) where targets are. A callable's ``ignore_index``, as that of
            torch.nn.CrossEntropyLoss, does not count either.
        target: "steps": y (time, ...) is compared at every step. "last": y (...) is compared with
            the answer at the last step. "next": the answer at each step is compared with x one
            step later.
        validation: data of the same forms, to judge every epoch by; the model is left with the
            weights of the epoch that did best.
        epochs: how often to take all data.
        batch_size: sequences a batch.
        optimizer: makes a torch optimizer of the weights; None is Adam with `learning_rate`. Not
            LBFGS, which asks for the loss several times a step.
        learning_rate: of Adam.
        schedule: makes a torch schedule of the optimizer; it steps once an epoch, and
            ReduceLROnPlateau is given the validation loss (the training loss without validation).
        clip_norm: gradients are scaled down to this norm; None leaves them.
        patience: stop after so many epochs without a better validation loss.
        checkpoint: a file, written after every epoch. Where it exists, training goes on from it to
            the same numbers as if it had never stopped; `epochs` and `patience` may differ then,
            and nothing else. Other data, settings or code of a callable are refused; what a
            closure captures and what a DataLoader holds cannot be told. The file is replaced whole
            or not at all, and reading it executes nothing.
        seed: of the order of the data, dropout and all else drawn from torch's generators.
        progress: None shows a live bar on a terminal if rich is installed, True always, False
            never; a callable is called with the history after each epoch.

    Returns:
        What happened, epoch by epoch. After Ctrl-C too: the model then has the best weights of the
        completed epochs and the checkpoint is on disk.

    Raises:
        TypeError: an optimizer or schedule is given, not what makes it; or LBFGS is made.
        ValueError: a setting is out of its range.
        ShapeError: data or answers have the wrong axes, steps or features; the sequence is named.
        DataError: no data, or values that the loss cannot use.
        TrainingError: the loss or a gradient became infinite or NaN (the model keeps its weights
            from before that step), or the checkpoint belongs to another training.
        ModelFileError: the checkpoint is truncated or something else.

    >>> import torch, recurra as rc
    >>> from torch import nn
    >>> _ = torch.manual_seed(0)
    >>> xs = [torch.randn(length, 1) for length in (3, 8, 5, 13)]
    >>> data = [(x, x.cumsum(0)) for x in xs]
    >>> model = rc.Stack(rc.Recurrent(rc.cells.GRU(1, 8)), nn.Linear(8, 1))
    >>> history = rc.training.fit(model, data, "mse", epochs=30, learning_rate=0.02)
    >>> history.epochs, history.train_loss[-1] < history.train_loss[0]
    (30, True)
    """
    _check_settings(model, target, epochs, batch_size, clip_norm, patience, validation)
    needs, criterion = Needs.of(model, target, loss), Criterion(loss)
    made = _make_optimizer(model, optimizer, learning_rate)
    settings = optimizer_settings(made)  # before a schedule changes them
    _check_makes("schedule", schedule, "optimizer", "StepLR")
    train = _source(data, needs, criterion, batch_size, "data")
    held_out = None
    if validation is not None:
        held_out = _source(validation, needs, criterion, batch_size, "validation")
    trainer = Trainer(
        ask=Asked(model, target),
        criterion=criterion,
        train=train,
        validation=held_out,
        optimizer=made,
        schedule=None if schedule is None else schedule(made),
        clip_norm=math.inf if clip_norm is None else clip_norm,
        generators=_generators(train, held_out, seed),
        device=next(model.parameters()).device,
    )
    path = None if checkpoint is None else Path(checkpoint)
    with own_randomness(seed, trainer.device), _modes_kept(model):
        config: dict[str, Any] = {}
        if path is not None:
            made_by = {"optimizer": optimizer, "schedule": schedule}
            config = {
                **identity(trainer, loss, settings, made_by),
                "target": target,
                "batch_size": batch_size,
                "seed": seed,
            }
        if path is not None and path.exists():
            trainer.resume(path, config)
        elif path is not None:
            trainer.save(path, config)
        try:
            _run(trainer, epochs, patience, path, config, progress)
        except KeyboardInterrupt:
            trainer.history.stopped = "interrupt"
        trainer.restore_best()
    return trainer.history


def _run(
    trainer: Trainer,
    epochs: int,
    patience: int | None,
    path: Path | None,
    config: Mapping[str, Any],
    progress: Shown,
) -> None:
    done = trainer.history.epochs
    with progress_display(progress, epochs, trainer.train.batches, done) as display:
        while trainer.history.epochs < epochs:
            if patience is not None and trainer.epochs_since_best() >= patience:
                trainer.history.stopped = "patience"
                break
            trainer.run_epoch(display)
            if path is not None:
                trainer.save(path, config)
            display.epoch(trainer.history)


def _check_settings(
    model: Any,
    target: str,
    epochs: int,
    batch_size: int,
    clip_norm: float | None,
    patience: int | None,
    validation: object,
) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"fit: model is a {type(model).__name__}, expected a recurra layer or a torch module."
        )
    if target not in get_args(Target):
        raise ValueError(f"fit: target is {target!r}, expected 'steps', 'last' or 'next'.")
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"fit: {name} is {value}, expected at least {least}.")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"fit: clip_norm is {clip_norm}, expected above 0, or None for no limit.")
    if patience is not None and patience < 1:
        raise ValueError(f"fit: patience is {patience}, expected at least 1.")
    if patience is not None and validation is None:
        raise ValueError(
            f"fit: patience is {patience} and validation is None, expected data to judge by. "
            f"Hold some sequences back: validation=data[:100], data[100:] to train on."
        )


def _source(data: Any, needs: Needs, criterion: Criterion, batch_size: int, name: str) -> Source:
    if isinstance(data, DataLoader):
        return Loaded(data, needs, name)
    return Listed(data, needs, criterion, batch_size, name)


def _make_optimizer(
    model: nn.Module, make: MakeOptimizer | None, learning_rate: float
) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        raise ValueError(
            f"fit: model is a {type(model).__name__} without weights that learn, expected some "
            f"with requires_grad."
        )
    _check_makes("optimizer", make, "weights", "SGD")
    if make is None:
        return torch.optim.Adam(weights, lr=learning_rate)
    made = make(weights)
    if isinstance(made, torch.optim.LBFGS):
        raise TypeError(
            "fit: optimizer made an LBFGS, which asks for the loss several times a step, expected "
            "one that takes a step from one gradient. Use Adam, or write the loop."
        )
    if not isinstance(made, torch.optim.Optimizer):
        raise TypeError(f"fit: optimizer made a {type(made).__name__}, expected a torch optimizer.")
    return made


def _check_makes(name: str, make: object, of: str, example: str) -> None:
    if make is not None and not callable(make):
        kind = type(make).__name__
        ready = isinstance(make, (torch.optim.Optimizer, LRScheduler))
        raise TypeError(
            f"fit: {name} is a {kind}, expected a callable that is given the {of} and makes one. "
            f"Pass lambda {of}: {kind if ready else example}({of}, ...)."
        )


def _generators(train: Source, held_out: Source | None, seed: int) -> Sequence[torch.Generator]:
    """What the order of the data is drawn from: the loaders' own generators if they have any."""
    loaders = [source for source in (train, held_out) if isinstance(source, Loaded)]
    own = [generator for loader in loaders for generator in loader.generators()]
    return [torch.Generator().manual_seed(seed), *{id(g): g for g in own}.values()]


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    """Leave every module in training or evaluation mode as it was."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
