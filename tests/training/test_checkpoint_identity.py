"""Which other settings a checkpoint is refused under, and which it is not."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.optim import SGD, lr_scheduler

from recurra.errors import TrainingError
from recurra.training import fit
from recurra.training.identity import _callable
from tests.training.small import a_model, ragged

ROOT = Path(__file__).parents[2]


def train(epochs, path, loss="mse", **options):
    return fit(a_model(), ragged(), loss, epochs=epochs, checkpoint=path, **options)


def with_rate(rate, second=0.1):
    def make(weights):
        return SGD([{"params": weights[:1], "lr": rate}, {"params": weights[1:], "lr": second}])

    return make


def stepping(size):
    return lambda optimizer: lr_scheduler.StepLR(optimizer, size)


@pytest.mark.parametrize(
    ("first", "then", "named"),
    [
        ({"optimizer": with_rate(0.1)}, {"optimizer": with_rate(0.2)}, "optimizer group 0"),
        ({"optimizer": with_rate(0.1)}, {"optimizer": with_rate(0.1, 0.2)}, "optimizer group 1"),
        ({"schedule": stepping(1)}, {"schedule": stepping(2)}, "schedule"),
        (
            {"schedule": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.5**epoch)},
            {"schedule": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.25**epoch)},
            "schedule callable",
        ),
        (
            {"loss": lambda a, t: (a - t).abs().mean()},
            {"loss": lambda a, t: (a - t).square().mean()},
            "loss",
        ),
        (
            {"loss": lambda a, t: (a - t).abs().mean() * 2.0},
            {"loss": lambda a, t: (a - t).abs().mean() * 3.0},
            "loss",
        ),
        ({"loss": torch.nn.HuberLoss(delta=1.0)}, {"loss": torch.nn.HuberLoss(delta=2.0)}, "loss"),
    ],
)
def test_other_settings_are_noticed(tmp_path, first, then, named):
    train(1, tmp_path / "c", **first)

    with pytest.raises(TrainingError, match=rf"belongs to another training: its {named} is"):
        train(2, tmp_path / "c", **then)


def test_the_settings_compared_are_those_before_the_schedule_changed_them(tmp_path):
    options = {"optimizer": with_rate(0.1), "schedule": lr_scheduler.LinearLR}
    train(2, tmp_path / "c", **options)

    assert train(3, tmp_path / "c", **options).epochs == 3


def numbers_in(answers, targets):
    return (answers - targets).abs().mean() * (str(answers.dtype) not in {"a", "b", "c", "d"})


CALLABLES = [numbers_in, functools.partial(numbers_in), torch.dist, SGD, torch.nn.MSELoss()]
CHILD = """
from tests.training import test_checkpoint_identity as here
print([here._callable(each) for each in here.CALLABLES])
"""


@pytest.mark.parametrize("seed", "12")
def test_a_callable_is_described_alike_in_every_process(seed):
    told = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            "PYTHONHASHSEED": seed,
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert told == str([_callable(each) for each in CALLABLES])
