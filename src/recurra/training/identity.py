"""What must be the same for a checkpoint to go on to the same numbers."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from types import CodeType
from typing import Any

import torch

from recurra.training.losses import Loss
from recurra.training.trainer import Trainer

__all__ = ["identity", "optimizer_settings"]


def identity(
    trainer: Trainer, loss: Loss, settings: Mapping[str, str], made_by: Mapping[str, Any]
) -> dict[str, Any]:
    """A training described in plain values.

    Args:
        trainer: before its first epoch.
        loss: a name or a callable.
        settings: the `optimizer_settings` before there was a schedule.
        made_by: the callables that made the optimizer and the schedule; None where none did.
    """
    weights, schedule = trainer.model.state_dict(), trainer.schedule
    start = None if schedule is None else _plain(schedule.state_dict())
    return {
        "model": _plain(trainer.model),
        "weights": {name: f"{tuple(w.shape)} {w.dtype}" for name, w in weights.items()},
        "loss": loss if isinstance(loss, str) else _callable(loss),
        **settings,
        "schedule": None if schedule is None else f"{type(schedule).__name__} {start}",
        **{f"{name} callable": _callable(make) for name, make in made_by.items()},
        "clip_norm": trainer.clip_norm,
        "data": trainer.train.fingerprint(),
        "validation": None if trainer.validation is None else trainer.validation.fingerprint(),
    }


def optimizer_settings(optimizer: torch.optim.Optimizer) -> dict[str, str]:
    """The optimizer's kind and the settings of each of its parameter groups.

    >>> import torch
    >>> sgd = torch.optim.SGD([torch.zeros(2)], lr=0.5)
    >>> optimizer_settings(sgd)["optimizer group 0"][:22]
    "{'lr': 0.5, 'momentum'"
    """
    groups = optimizer.param_groups
    settings = {"optimizer": f"{type(optimizer).__name__} of {len(groups)} parameter groups"}
    for number, group in enumerate(groups):
        plain = {name: value for name, value in group.items() if name != "params"}
        settings[f"optimizer group {number}"] = _plain(plain)
    return settings


def _callable(made: Any) -> str | None:
    """Name and code of a function, name and plain values of any other callable."""
    if made is None:
        return None
    if isinstance(made, functools.partial):
        return f"{_callable(made.func)} with {_plain(made.args)} {_plain(made.keywords)}"
    named = made if hasattr(made, "__qualname__") else type(made)
    name = f"{named.__module__}.{named.__qualname__}"
    code = getattr(made, "__code__", None)
    if code is not None:
        text = f"{_code(code)} {_plain(made.__defaults__)} {_plain(made.__kwdefaults__)}"
        return f"{name} {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
    if isinstance(made, type):
        return name
    held = getattr(made, "__dict__", {}).items()
    values = {key: value for key, value in held if isinstance(value, (int, float, str))}
    return f"{name} {_plain(made)} {_plain(values)}"


def _code(code: CodeType) -> str:
    """What a function does and with which constants and names, wherever it is written."""
    constants = [_constant(constant) for constant in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names} {code.co_freevars}"


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):  # its order differs from run to run
        return str(sorted(map(repr, value)))
    return repr(value)


def _plain(value: object) -> str:
    """A description without the addresses that differ from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
