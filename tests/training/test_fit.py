"""What fit learns, against closed forms and against a loop written by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import recurra as rc
from recurra.training import fit
from tests.training.small import a_model, assert_same_bits, ragged, weights_of


def sgd(rate):
    return lambda weights: torch.optim.SGD(weights, lr=rate)


def test_linear_least_squares_is_recovered():
    drawn = np.random.default_rng(0)
    true = np.array([[2.0, -1.0, 0.5]])
    xs = [drawn.normal(size=(length, 3)) for length in (4, 9, 30, 17)]
    data = [(x, x @ true.T + 0.1 * drawn.normal(size=(len(x), 1))) for x in xs]
    model = nn.Linear(3, 1, bias=False).double()

    history = fit(model, data, "mse", epochs=150, optimizer=sgd(0.4), clip_norm=None)

    x, y = np.concatenate([x for x, _ in data]), np.concatenate([y for _, y in data])
    solution, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    np.testing.assert_allclose(model.weight.detach().numpy(), solution.T, atol=1e-10)
    assert history.train_loss[-1] == pytest.approx(float(residual[0]) / len(x), abs=1e-12)


def test_steps_weigh_the_same_in_batches_of_unequal_size():
    data = [(x.double(), y.double()) for x, y in ragged([1, 2, 60, 40, 3])]
    rate, model = 1e-7, nn.Linear(2, 1, bias=False).double()
    errors = [(model(x)[:, 0] - y).square() for x, y in data]
    true, of_means = (
        torch.autograd.grad(loss, model.weight, retain_graph=True)[0]
        for loss in (torch.cat(errors).mean(), torch.stack([e.mean() for e in errors]).mean())
    )
    before = model.weight.detach().clone()

    fit(model, data, "mse", epochs=1, batch_size=1, optimizer=sgd(rate), clip_norm=None)

    went = (before - model.weight.detach()) / (rate * len(data))
    torch.testing.assert_close(went, true, rtol=1e-4, atol=0)
    assert not torch.allclose(went, of_means, rtol=0.05)


def test_running_mean_is_learned_by_a_recurrent_layer():
    model = a_model(features=1)
    train, fresh = ragged([8, 12, 16, 20] * 8, features=1), ragged([10, 15] * 8, features=1, seed=2)

    history = fit(
        model, train, "mse", validation=fresh, epochs=40, batch_size=8, learning_rate=0.02
    )

    asked = torch.cat([y for _, y in fresh]).var().item()
    assert min(history.validation_loss) < 0.1 * asked


def test_last_answer_is_learned():
    model = a_model(features=1, outputs=2)
    data = [(x, int(x[0, 0] > 0)) for x, _ in ragged([3, 4, 5, 6] * 16, features=1)]

    fit(model, data, "cross_entropy", target="last", epochs=40, learning_rate=0.02)

    right = [int(model(x)[0][-1].argmax()) == y for x, y in data]
    assert np.mean(right) > 0.95


def test_next_value_of_a_linear_recurrence_is_learned_exactly():
    rotation = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64)
    x = [torch.tensor([1.0, 0.0], dtype=torch.float64)]
    for _ in range(20):
        x.append(rotation @ x[-1])
    model = nn.Linear(2, 2, bias=False).double()

    fit(model, [torch.stack(x)], "mse", target="next", epochs=300, optimizer=sgd(0.9))

    torch.testing.assert_close(model.weight.detach(), rotation, rtol=0, atol=1e-8)


def by_hand(model, data, epochs, clip_norm):
    """One padded batch an epoch, every step of it counted once."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, norms = [], []
    for _ in range(epochs):
        optimizer.zero_grad()
        wrong = torch.cat([(model(x)[0][:, 0] - y).square() for x, y in data])
        wrong.mean().backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), clip_norm).item())
        optimizer.step()
        losses.append(wrong.mean().item())
    return losses, norms


@pytest.mark.parametrize("clip_norm", [0.05, 1e9])
def test_one_batch_an_epoch_equals_a_loop_written_by_hand(clip_norm):
    data = [(x.double(), y.double()) for x, y in ragged()]
    ours, theirs = a_model().double(), a_model().double()

    history = fit(ours, data, "mse", epochs=6, learning_rate=0.01, clip_norm=clip_norm)
    losses, norms = by_hand(theirs, data, 6, clip_norm)

    assert history.train_loss == pytest.approx(losses, rel=1e-9)
    assert history.gradient_norm == pytest.approx(norms, rel=1e-9)
    for name, weight in ours.state_dict().items():
        torch.testing.assert_close(weight, theirs.state_dict()[name], rtol=0, atol=1e-9)


def test_that_loop_notices_another_clipping():
    data = [(x.double(), y.double()) for x, y in ragged()]
    ours, theirs = a_model().double(), a_model().double()

    history = fit(ours, data, "mse", epochs=6, learning_rate=0.01, clip_norm=1e9)

    assert history.train_loss != pytest.approx(by_hand(theirs, data, 6, 0.05)[0], rel=1e-6)


def test_reported_loss_is_the_mean_over_steps_and_not_over_batches():
    data, model = ragged([2, 40, 3, 35, 30]), a_model()
    errors = [(model(x)[0][:, 0] - y).square() for x, y in data]

    history = fit(model, data, "mse", epochs=1, batch_size=2, optimizer=sgd(1e-12))

    assert history.train_loss == pytest.approx([torch.cat(errors).mean().item()], rel=1e-5)
    assert history.train_loss != pytest.approx(np.mean([e.mean().item() for e in errors]), rel=1e-3)


def test_validation_loss_is_the_mean_over_steps_in_evaluation_mode():
    model, held_out = a_model(dropout=0.5), ragged([2, 40, 3], seed=5)

    history = fit(model, ragged(), "mse", validation=held_out, epochs=1, batch_size=2)

    model.eval()
    expected = torch.cat([(model(x)[0][:, 0] - y).square() for x, y in held_out]).mean()
    assert history.validation_loss == pytest.approx([expected.item()], rel=1e-5)


def test_same_seed_gives_the_same_bits_and_another_seed_does_not():
    models = [a_model(dropout=0.3) for _ in range(3)]
    for model, seed in zip(models, (4, 4, 5), strict=True):
        fit(model, ragged(), "mse", epochs=3, batch_size=2, seed=seed)

    assert_same_bits(weights_of(models[0]), weights_of(models[1]))
    assert not torch.equal(models[0].parts[2].weight, models[2].parts[2].weight)


def test_the_callers_random_numbers_and_modes_are_left_alone():
    model = a_model(dropout=0.3).eval()
    model.parts[0].train()
    before = torch.get_rng_state()

    fit(model, ragged(), "mse", validation=ragged(), epochs=2, batch_size=2)

    assert torch.equal(before, torch.get_rng_state())
    assert [part.training for part in model.parts] == [True, False, False]
    assert not model.training


def test_dropout_is_active_while_training():
    seen = []
    model = a_model(dropout=0.5)
    model.parts[1].register_forward_hook(lambda layer, x, y: seen.append((layer.training, y)))

    fit(model, ragged(), "mse", validation=ragged(), epochs=1)

    (training, dropped), (validating, kept) = seen
    assert (training, validating) == (True, False)
    assert (dropped == 0).float().mean() > (kept == 0).float().mean() + 0.2


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_torch_layer_that_returns_its_state_trains_as_ours_does(make):
    data = [(x.numpy(), torch.stack([y, -y], 1).numpy()) for x, y in ragged()]
    model = make(2, 2, batch_first=True)

    history = fit(model, data, "mse", epochs=5, learning_rate=0.02)

    assert history.train_loss[-1] < history.train_loss[0]


def test_a_plain_module_may_answer_once_a_sequence():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 1, bias=False)

        def forward(self, x):
            return self.linear(x.sum(1))

    model = Sum()
    data = [(x, x.sum().reshape(1)) for x, _ in ragged()]

    fit(model, data, "mse", target="last", epochs=400, learning_rate=0.05)

    torch.testing.assert_close(model.linear.weight.detach(), torch.ones(1, 2), rtol=0, atol=1e-3)


class Flexible(nn.Linear):
    def forward(self, x, **options):
        assert not options
        return super().forward(x)


def compiled(model):
    return torch.compile(model, backend="eager")


@pytest.mark.parametrize("wrap", [lambda model: model, nn.DataParallel, compiled])
def test_a_module_that_takes_lengths_is_given_them(wrap):
    class Lengths(nn.Linear):
        def forward(self, x, lengths=None):
            given.append(lengths)
            return super().forward(x)

    given = []
    fit(wrap(Lengths(2, 1)), ragged([3, 5]), "mse", epochs=1)

    assert sorted(given[0].tolist()) == [3, 5]


@pytest.mark.parametrize("wrap", [lambda model: model, nn.DataParallel, compiled])
@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Linear(2, 1)), lambda: Flexible(2, 1)])
def test_a_module_whose_lengths_are_only_arbitrary_keywords_is_given_none(wrap, make):
    model = wrap(make())

    assert fit(model, ragged([3, 5]), "mse", epochs=1).epochs == 1


def test_a_layer_of_ours_is_given_lengths_inside_a_wrapper_too():
    # Read from the end, padding before the real steps would change the answers.
    def model():
        torch.manual_seed(7)
        cells = rc.cells.GRU(2, 5), rc.cells.GRU(2, 5)
        return rc.Stack(rc.Bidirectional(*cells), nn.Linear(10, 1))

    wrapped = fit(nn.DataParallel(model()), ragged(), "mse", epochs=2)
    plain = fit(model(), ragged(), "mse", epochs=2)

    assert wrapped.train_loss == pytest.approx(plain.train_loss, rel=1e-5)


def test_no_gradients_stay_behind_on_weights_left_out_of_the_optimizer():
    model = a_model()

    fit(model, ragged(), "mse", epochs=1, optimizer=lambda weights: sgd(0.1)(weights[-1:]))

    assert all(weight.grad is None for weight in model.parameters())


def test_indices_go_to_an_embedding_as_whole_numbers():
    model = rc.Stack(nn.Embedding(3, 4), rc.Recurrent(rc.cells.Elman(4, 8)), nn.Linear(8, 3))
    cycle = [np.arange(n) % 3 for n in (5, 9, 7)]

    history = fit(model, cycle, "cross_entropy", target="next", epochs=60, learning_rate=0.05)

    assert history.train_loss[-1] < 0.05


def test_probabilities_of_classes_are_targets_too():
    x, p = torch.ones(4, 1), torch.tensor([[0.2, 0.3, 0.5]]).expand(4, 3)
    model = nn.Linear(1, 3)

    history = fit(model, [(x, p)], "cross_entropy", epochs=300, learning_rate=0.05)

    entropy = -(p[0] * p[0].log()).sum().item()
    assert history.train_loss[-1] == pytest.approx(entropy, abs=1e-4)
    torch.testing.assert_close(F.softmax(model(x), -1).detach(), p, rtol=0, atol=1e-2)
