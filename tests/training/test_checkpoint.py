"""A training that was stopped goes on to the same bits."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.optim import lr_scheduler
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from recurra.errors import TrainingError
from recurra.training import fit, trainer
from tests.training.small import a_model, assert_same_bits, ragged, weights_of

ROOT = Path(__file__).parents[2]


def train(epochs, checkpoint=None, model=None, **options):
    """Weights and history of a training with everything random in it."""
    model = a_model(dropout=0.3) if model is None else model
    options = {"batch_size": 2, "learning_rate": 0.01, "validation": ragged(seed=8), **options}
    history = fit(model, ragged(), "mse", epochs=epochs, checkpoint=checkpoint, **options)
    return weights_of(model), history


def assert_same_history(one, other):
    for name in ("train_loss", "validation_loss", "gradient_norm", "learning_rate"):
        assert getattr(one, name) == getattr(other, name)


CHILD = """
import os, signal, sys
from tests.training.small import a_model
from tests.training.test_checkpoint import train

def count(*_):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

calls, model = [], a_model(dropout=0.3)
model.register_forward_hook(count)
train(12, sys.argv[1], model=model)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    path, calls_an_epoch = tmp_path / "training.ckpt", 6
    fatal = random.randrange(1, 10 * calls_an_epoch)

    child = subprocess.run(
        [sys.executable, "-c", CHILD, path, str(fatal)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        check=False,
    )
    resumed = []
    weights, history = train(12, path, progress=lambda h: resumed.append(h.epochs))
    uninterrupted, expected = train(12)

    assert child.returncode == -signal.SIGKILL
    assert resumed[0] == (fatal - 1) // calls_an_epoch + 1, f"killed in call {fatal}"
    assert_same_bits(weights, uninterrupted)
    assert_same_history(history, expected)


def adam(weights):
    return torch.optim.Adam(weights, lr=0.01)


def momentum(weights):
    return torch.optim.SGD(weights, lr=0.01, momentum=0.9)


SCHEDULES = {
    "none": None,
    "step": lambda o: lr_scheduler.StepLR(o, 2),
    "multistep": lambda o: lr_scheduler.MultiStepLR(o, [1, 4]),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 6),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=7),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (epoch + 1)),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.2),
    "one after another": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_training_in_two_parts_equals_one_in_one(tmp_path, name):
    options = {"schedule": SCHEDULES[name], "optimizer": momentum if name == "step" else adam}

    train(3, tmp_path / "c", **options)
    weights, history = train(6, tmp_path / "c", model=a_model(dropout=0.3, seed=99), **options)
    expected, whole = train(6, **options)

    assert_same_bits(weights, expected)
    assert_same_history(history, whole)


@pytest.mark.parametrize(
    "forgotten",
    ["generator.set_state", "set_random_state", "optimizer.load_state_dict", "best"],
)
def test_that_comparison_notices_what_is_not_taken_up(tmp_path, forgotten, monkeypatch):
    def resume(self, path, config):
        kept = [self.generators[0].get_state(), torch.get_rng_state(), self.optimizer.state_dict()]
        real(self, path, config)
        if forgotten == "generator.set_state":
            self.generators[0].set_state(kept[0])
        elif forgotten == "set_random_state":
            torch.set_rng_state(kept[1])
        elif forgotten == "optimizer.load_state_dict":
            self.optimizer.load_state_dict(kept[2])
        else:
            self.best = None

    real = trainer.Trainer.resume
    # The validation data ask for the opposite, so that the first epoch is the best.
    options = {"validation": [(x, -5 * y) for x, y in ragged()]} if forgotten == "best" else {
        "validation": None
    }  # fmt: skip
    train(3, tmp_path / "c", **options)
    monkeypatch.setattr(trainer.Trainer, "resume", resume)

    weights, _ = train(6, tmp_path / "c", **options)
    expected, _ = train(6, **options)

    assert any(not torch.equal(weights[name], expected[name]) for name in weights)


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(tmp_path):
    def press(history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    _, stopped = train(6, tmp_path / "c", progress=press)
    weights, history = train(6, tmp_path / "c")
    expected, whole = train(6)

    assert (stopped.stopped, stopped.epochs, history.stopped) == ("interrupt", 2, "epochs")
    assert_same_bits(weights, expected)
    assert_same_history(history, whole)


def test_ctrl_c_in_the_first_epoch_leaves_a_checkpoint_too(tmp_path):
    model = a_model(dropout=0.3)

    def press(*_):
        raise KeyboardInterrupt

    handle = model.register_forward_hook(press)
    train(6, tmp_path / "c", model=model)
    handle.remove()

    assert_same_bits(train(4, tmp_path / "c", model=a_model(dropout=0.3))[0], train(4)[0])


def test_a_finished_training_is_not_done_again(tmp_path):
    weights, history = train(3, tmp_path / "c")
    before = (tmp_path / "c").read_bytes()

    again, same = train(3, tmp_path / "c", model=a_model(dropout=0.3, seed=99))

    assert_same_bits(weights, again)
    assert same == history
    assert (tmp_path / "c").read_bytes() == before


def test_patience_that_ran_out_stays_so(tmp_path):
    options = {"validation": [(x, -5 * y) for x, y in ragged()], "patience": 2}

    weights, history = train(50, tmp_path / "c", **options)
    again, same = train(50, tmp_path / "c", **options)

    assert history.stopped == same.stopped == "patience"
    assert history.epochs == same.epochs < 50
    assert_same_bits(weights, again)


def options_of_loader(kind, drawn):
    if kind == "loader":
        return {"batch_size": 2, "shuffle": True, "generator": drawn}
    sampler = RandomSampler(ragged(), generator=drawn)
    if kind == "sampler":
        return {"batch_size": 2, "sampler": sampler}
    return {"batch_sampler": BatchSampler(sampler, 2, drop_last=False)}


@pytest.mark.parametrize("kind", ["loader", "sampler", "batch sampler"])
def test_a_loader_with_a_generator_of_its_own_goes_on_shuffling(tmp_path, kind):
    def loader():
        drawn = torch.Generator().manual_seed(3)
        return DataLoader(ragged(), collate_fn=list, **options_of_loader(kind, drawn))

    def trained(epochs, path=None):
        model = a_model(dropout=0.3)
        fit(model, loader(), "mse", epochs=epochs, checkpoint=path)
        return weights_of(model)

    trained(2, tmp_path / "c")

    assert_same_bits(trained(5, tmp_path / "c"), trained(5))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": a_model(dropout=0.4)}, "model"),
        ({"batch_size": 3}, "batch_size is 2, and here it is 3"),
        ({"learning_rate": 0.02}, "optimizer"),
        ({"optimizer": momentum}, "optimizer is Adam"),
        ({"schedule": SCHEDULES["step"]}, "schedule is None, and here it is StepLR"),
        ({"clip_norm": 2.0}, "clip_norm is 1.0"),
        ({"seed": 1}, "seed is 0, and here it is 1"),
        ({"validation": ragged(seed=9)}, "validation"),
        ({"validation": None}, "validation"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, options, named):
    train(1, tmp_path / "c")
    before = (tmp_path / "c").read_bytes()

    with pytest.raises(TrainingError, match=rf"belongs to another training: its {named}"):
        train(2, tmp_path / "c", **options)

    assert (tmp_path / "c").read_bytes() == before


def test_one_changed_number_in_the_data_is_noticed(tmp_path):
    data = ragged()
    fit(a_model(), data, "mse", epochs=1, checkpoint=tmp_path / "c")
    data[2][1][0] += 1e-6

    with pytest.raises(TrainingError, match="its data is"):
        fit(a_model(), data, "mse", epochs=2, checkpoint=tmp_path / "c")
