"""Which answers a loss is taken over, against a loss taken by hand over those alone."""

import pytest
import torch
import torch.nn.functional as F

from recurra.errors import DataError, ShapeError
from recurra.training import batches, fit
from tests.training.small import a_model, ragged

TORCH = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "bce": F.binary_cross_entropy_with_logits,
}


def still(weights):
    return torch.optim.SGD(weights, lr=0.0)


def first_loss(model, data, loss, **options):
    return fit(model, data, loss, epochs=1, batch_size=3, optimizer=still, **options).train_loss[0]


def a_target(loss, shape):
    drawn = torch.Generator().manual_seed(3)
    if loss == "cross_entropy":
        return torch.randint(3, shape, generator=drawn)
    values = torch.rand(*shape, 3, generator=drawn)
    return values.round() if loss == "bce" else values


@pytest.mark.parametrize("loss", TORCH)
@pytest.mark.parametrize("target", ["steps", "last"])
def test_loss_equals_torchs_over_the_real_answers_alone(loss, target):
    model = a_model(outputs=3)
    xs = [x for x, _ in ragged()]
    data = [(x, a_target(loss, (len(x),) if target == "steps" else ())) for x in xs]
    answers = [model(x)[0] if target == "steps" else model(x)[0][-1:] for x in xs]
    wanted = [y if target == "steps" else y[None] for _, y in data]

    expected = TORCH[loss](torch.cat(answers), torch.cat(wanted)).item()

    assert first_loss(model, data, loss, target=target) == pytest.approx(expected, rel=1e-5)


def test_that_comparison_notices_padding_that_counts(monkeypatch):
    def counting_padding(samples, needs, name):
        batch = pad(samples, needs, name)
        return batch._replace(weights=torch.ones_like(batch.weights))

    pad, model, data = batches.pad, a_model(), ragged()
    right = first_loss(model, data, "mse")
    monkeypatch.setattr(batches, "pad", counting_padding)

    assert first_loss(model, data, "mse") != pytest.approx(right, rel=1e-3)


def test_a_callable_sees_the_real_answers_alone():
    seen = []

    def loss(answers, targets):
        seen.append((answers.shape, targets.shape))
        return F.mse_loss(answers, targets)

    model, data = a_model(), ragged([2, 5, 4])
    expected = first_loss(model, data, "mse")

    assert first_loss(model, data, loss) == pytest.approx(expected, rel=1e-6)
    assert seen == [((11,), (11,))]


def test_a_callable_may_give_one_loss_an_answer():
    model, data = a_model(outputs=2), [(x, torch.stack([y, y], 1)) for x, y in ragged()]

    each = first_loss(model, data, torch.nn.L1Loss(reduction="none"))

    assert each == pytest.approx(first_loss(model, data, torch.nn.L1Loss()), rel=1e-6)


def test_weights_weigh_the_steps():
    model, data = a_model(), [(x, y, torch.arange(len(x)) * 0.5) for x, y in ragged()]
    weights = torch.cat([w for *_, w in data])
    errors = torch.cat([(model(x)[0][:, 0] - y).square() for x, y, _ in data])

    expected = ((errors * weights).sum() / weights.sum()).item()

    assert first_loss(model, data, "mse") == pytest.approx(expected, rel=1e-5)


def test_what_a_masked_step_asks_for_changes_nothing():
    def masked(value):
        pairs = ragged()
        return [
            (x, torch.cat([y[:-1], torch.tensor([value])]), [1] * (len(x) - 1) + [0])
            for x, y in pairs
        ]

    model = a_model()

    assert first_loss(model, masked(0.0), "mse") == first_loss(model, masked(float("nan")), "mse")
    assert first_loss(model, masked(0.0), "mse") == first_loss(model, masked(1e9), F.mse_loss)


def test_the_class_minus_100_does_not_count():
    model = a_model(outputs=3)
    data = [(x, torch.where(torch.arange(len(x)) < 2, -100, 1)) for x, _ in ragged()]
    answers = torch.cat([model(x)[0] for x, _ in data])

    expected = F.cross_entropy(answers, torch.cat([y for _, y in data])).item()

    assert first_loss(model, data, "cross_entropy") == pytest.approx(expected, rel=1e-5)


def test_a_batch_in_which_nothing_counts_is_passed_over():
    data = ragged([3, 3])
    data = [(x, y, torch.full((3,), float(k))) for k, (x, y) in enumerate(data)]
    model = a_model()

    history = fit(model, data, "mse", epochs=2, batch_size=1)

    assert all(w.isfinite().all() for w in model.parameters())
    assert history.train_loss[0] > 0


def test_one_feature_is_compared_with_targets_without_a_feature_axis():
    model, data = a_model(), ragged()

    with_axis = first_loss(model, [(x, y[:, None]) for x, y in data], "mse")

    assert first_loss(model, data, "mse") == with_axis


def test_whole_numbers_are_compared_one_by_one_under_a_callable():
    model, data = a_model(), [(x, (10 * y).round().long()) for x, y in ragged()]
    expected = first_loss(model, [(x, y.float()) for x, y in data], "mse")

    assert first_loss(model, data, lambda a, t: (a - t).square().mean()) == pytest.approx(expected)


def test_a_callable_cross_entropy_keeps_its_axis_of_classes():
    data = [(x, torch.zeros(len(x), dtype=torch.long)) for x, _ in ragged()]

    assert first_loss(a_model(), data, torch.nn.CrossEntropyLoss()) == 0.0


@pytest.mark.parametrize("ignored", [-100, 7])
def test_a_callables_ignored_class_does_not_count_even_in_a_batch_of_its_own(ignored):
    def losses(loss, ignored):
        classes = [torch.where(torch.arange(len(x)) < 4, ignored, 1) for x, _ in ragged()]
        data = [(x, y) for (x, _), y in zip(ragged(), classes, strict=True)]
        assert any((y == ignored).all() for y in classes)
        return fit(a_model(outputs=3), data, loss, epochs=2, batch_size=1).train_loss

    ours = losses("cross_entropy", -100)

    assert losses(torch.nn.CrossEntropyLoss(ignore_index=ignored), ignored) == pytest.approx(ours)


def test_a_mean_cannot_be_weighted():
    data = [(x, y, torch.full((len(x),), 0.5)) for x, y in ragged()]

    with pytest.raises(DataError, match="Let it give one loss an answer"):
        fit(a_model(), data, F.mse_loss)


def test_more_classes_than_answers_are_refused():
    data = [(x, torch.full((len(x),), 3)) for x, _ in ragged()]

    with pytest.raises(DataError, match=r"y holds the class 3, but the model answers with 3"):
        fit(a_model(outputs=3), data, "cross_entropy")


def test_other_features_than_asked_for_are_refused():
    with pytest.raises(ShapeError, match=r"answers of \(3,\) features with y of one"):
        fit(a_model(outputs=3), ragged(), "mse")
