"""How a training goes: schedules, early stopping, Ctrl-C, a loss that blows up, what is shown."""

import re
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from recurra.errors import MissingExtraError, TrainingError
from recurra.training import History, fit
from recurra.training.progress import Bar, progress_display
from tests.training.small import a_model, assert_same_bits, ragged, weights_of


def sgd(rate):
    return lambda weights: torch.optim.SGD(weights, lr=rate)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: lr_scheduler.StepLR(o, 2, gamma=0.1), [1e-3, 1e-3, 1e-4, 1e-4, 1e-5]),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [1e-3 / 2**k for k in range(5)]),
    ],
)
def test_schedules_of_torch_step_once_an_epoch(make, expected):
    history = fit(a_model(), ragged(), "mse", epochs=5, batch_size=2, schedule=make)

    assert history.learning_rate == pytest.approx(expected)


def test_a_plateau_of_the_validation_loss_lowers_the_rate():
    # The training loss falls all the time; the validation loss, of its opposite, rises.
    data = [(np.ones((3, 1)), np.ones(3))]
    opposite = [(np.ones((3, 1)), -np.ones(3))]

    def halve(optimizer):
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)

    def rates(**options):
        model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(model.weight)
        options = {"epochs": 6, "optimizer": sgd(0.1), "schedule": halve, **options}
        return fit(model, data, "mse", **options).learning_rate

    assert rates() == pytest.approx([0.1] * 6)
    assert rates(validation=opposite) == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025])


def walking_away():
    """A model whose weight goes from -1 through 0 (where validation is best) towards 1."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, -1.0)
    one = np.ones((1, 1))
    # Gradients of 1 whatever the weight, so that a step is the learning rate.
    options = {"validation": [(one, 0 * one)], "optimizer": sgd(0.25), "clip_norm": None}
    return model, [(one, one)], lambda answers, targets: -answers.mean(), options


def test_patience_stops_and_the_best_weights_are_restored():
    model, data, loss, options = walking_away()
    judged = []

    def best_at_zero(answers, targets):
        return answers.square().mean() if not torch.is_grad_enabled() else loss(answers, targets)

    history = fit(
        model, data, best_at_zero, epochs=50, patience=3,
        progress=lambda h: judged.append(model.weight.item()), **options,
    )  # fmt: skip

    assert judged == [-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]
    assert (history.stopped, history.epochs, history.best_epoch) == ("patience", 7, 4)
    assert model.weight.item() == 0.0


def test_without_patience_too_the_best_weights_are_restored():
    model, data, loss, options = walking_away()

    def best_at_zero(answers, targets):
        return answers.square().mean() if not torch.is_grad_enabled() else loss(answers, targets)

    history = fit(model, data, best_at_zero, epochs=6, **options)

    assert (history.stopped, history.epochs, history.best_epoch) == ("epochs", 6, 4)
    assert model.weight.item() == 0.0


def test_of_equal_bests_the_first_counts():
    model, data, loss, options = walking_away()

    def level(answers, targets):
        return answers.mean() * 0 if not torch.is_grad_enabled() else loss(answers, targets)

    history = fit(model, data, level, epochs=3, **options)

    assert (history.validation_loss, history.best_epoch) == ([0.0, 0.0, 0.0], 1)
    assert model.weight.item() == -0.75
    assert History(train_loss=[1.0] * 4, validation_loss=[2.0, 1.0, 1.0, 3.0]).best_epoch == 2


def test_without_validation_the_last_weights_stay():
    model, data, loss, _ = walking_away()

    history = fit(model, data, loss, epochs=3, optimizer=sgd(0.25), clip_norm=None)

    assert (history.best_epoch, model.weight.item()) == (3, -0.25)


def interrupting(times, loss=nn.functional.mse_loss):
    """A loss that presses Ctrl-C when it is called for the last of so many times."""
    left = iter(range(times, 0, -1))

    def pressed(answers, targets):
        if next(left) == 1:
            raise KeyboardInterrupt
        return loss(answers, targets)

    return pressed


def test_ctrl_c_leaves_the_best_weights_and_gives_the_history():
    data, held_out = ragged(), ragged(seed=9)
    model, whole = a_model(), a_model()
    # Two training batches and one of validation an epoch; pressed within the third epoch.
    options = {"validation": held_out, "batch_size": 3, "learning_rate": 0.01}
    history = fit(model, data, interrupting(10), epochs=9, **options)
    expected = fit(whole, data, nn.functional.mse_loss, epochs=2, **options)

    assert (history.stopped, history.epochs) == ("interrupt", 2)
    assert history.train_loss == expected.train_loss
    assert_same_bits(weights_of(model), weights_of(whole))


def test_ctrl_c_without_validation_leaves_the_last_whole_epoch():
    model, whole = a_model(), a_model()

    history = fit(model, ragged(), interrupting(6), epochs=9, batch_size=3)
    fit(whole, ragged(), nn.functional.mse_loss, epochs=2, batch_size=3)

    assert (history.stopped, history.epochs) == ("interrupt", 2)
    assert_same_bits(weights_of(model), weights_of(whole))


def test_ctrl_c_in_the_first_epoch_gives_an_empty_history():
    history = fit(a_model(), ragged(), interrupting(2), batch_size=3)

    assert (history.stopped, history.epochs, history.best_epoch) == ("interrupt", 0, None)


def test_a_callback_may_stop_too():
    def press(history):
        if history.epochs == 4:
            raise KeyboardInterrupt

    history = fit(a_model(), ragged(), "mse", progress=press)

    assert (history.stopped, history.epochs) == ("interrupt", 4)


def spoiled(part):
    data = [(x.clone(), y.clone()) for x, y in ragged()]
    data[3][part].view(len(data[3][0]), -1)[7] = float("nan")
    return data


@pytest.mark.parametrize(("part", "where"), [(0, "x of sequence 3"), (1, "y of sequence 3")])
def test_a_loss_that_is_not_a_number_stops_with_all_that_is_known(part, where):
    with pytest.raises(TrainingError) as caught:
        fit(a_model(), spoiled(part), "mse", batch_size=6)

    text = str(caught.value)
    assert "the loss is nan and the norm of the gradients nan (this is the first step)" in text
    assert "in epoch 1, step 1, on sequences " in text
    assert sorted(re.search(r"on sequences ([\d, ]+)\.", text)[1].split(", ")) == list("012345")
    assert f"Look at the data: {where} holds a value that is not finite" in text
    assert ("at time 7" in text) == (part == 0)


def test_the_weights_from_before_the_bad_step_are_kept():
    model, kept = a_model(), []

    def loss(answers, targets):
        kept.append(weights_of(model))
        return answers.mean() * (float("inf") if len(kept) == 4 else 1.0)

    with pytest.raises(
        TrainingError, match=r"epoch 2, step 2.*All values of this batch are finite"
    ) as caught:
        fit(model, ragged(), loss, batch_size=3)

    assert re.search(r"\(\d\S* the step before\)", str(caught.value))
    assert_same_bits(weights_of(model), kept[-1])


def test_a_gradient_that_is_not_finite_stops_too():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)

    with pytest.raises(TrainingError, match=r"the loss is 0 and the norm of the gradients nan"):
        fit(model, [(np.ones((2, 1)), np.ones(2))], lambda a, y: a.abs().sqrt().mean())

    assert model.weight.item() == 0.0


def test_a_bad_training_restores_modes_and_random_numbers():
    model = a_model().eval()
    before = torch.get_rng_state()

    with pytest.raises(TrainingError):
        fit(model, spoiled(0), "mse")

    assert not any(module.training for module in model.modules())
    assert torch.equal(before, torch.get_rng_state())


def test_a_validation_loss_that_is_not_a_number_is_named():
    with pytest.raises(TrainingError, match=r"validation loss is nan after epoch 1, on sequences"):
        fit(a_model(), ragged(), "mse", validation=spoiled(0))


def test_nothing_is_shown_where_nobody_looks(capfd):
    fit(a_model(), ragged(), "mse", epochs=2)

    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    assert isinstance(progress_display(None, 3, 2, 0), Bar)
    assert not isinstance(progress_display(False, 3, 2, 0), Bar)


def test_the_bar_tells_loss_and_speed(capfd):
    history = fit(a_model(), ragged(), "mse", validation=ragged(), epochs=2, progress=True)

    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch 2/2" in err
    assert f"loss {history.train_loss[-1]:.4g}" in err
    assert re.search(r"\d+ sequences/s", err)


def test_a_bar_without_rich_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setitem(sys.modules, "rich.progress", None)

    with pytest.raises(MissingExtraError, match=r"rich is not installed.*recurra\[cli\]"):
        fit(a_model(), ragged(), "mse", epochs=1, progress=True)


def test_without_rich_a_terminal_stays_quiet(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    fit(a_model(), ragged(), "mse", epochs=1)

    assert capfd.readouterr() == ("", "")


def test_history_has_an_entry_an_epoch():
    history = fit(a_model(), ragged(), "mse", validation=ragged(), epochs=3)

    assert isinstance(history, History)
    for name in ("train_loss", "validation_loss", "gradient_norm", "learning_rate", "seconds",
                 "sequences_per_second"):  # fmt: skip
        assert len(getattr(history, name)) == 3
        assert min(getattr(history, name)) > 0
    assert history.stopped == "epochs"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_history_is_drawn_without_touching_pyplot(tmp_path, ending, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    history = fit(a_model(), ragged(), "mse", validation=ragged(), epochs=3)

    path = history.draw(tmp_path / f"history.{ending}")

    assert path.stat().st_size > 1000


def test_an_empty_history_is_drawn_too(tmp_path):
    assert History().draw(tmp_path / "empty.png").exists()
