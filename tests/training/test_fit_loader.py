"""Data that a torch DataLoader brings."""

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from recurra.errors import DataError, ShapeError
from recurra.training import fit
from tests.training.small import a_model, assert_same_bits, ragged, weights_of


def trained(data, **options):
    model = a_model()
    history = fit(model, data, "mse", **{"epochs": 3, **options})
    return history, weights_of(model)


def padded(data):
    xs, ys = zip(*data, strict=True)
    lengths = torch.tensor([len(x) for x in xs])
    x, y = (torch.nn.utils.rnn.pad_sequence(list(part), batch_first=True) for part in (xs, ys))
    return x, y, lengths


def test_lists_of_sequences_train_as_the_list_does():
    data = ragged()

    one, weights = trained(data)
    other, same = trained(DataLoader(data, batch_size=6, collate_fn=list))

    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
    for name in weights:
        torch.testing.assert_close(weights[name], same[name], rtol=0, atol=1e-5)


def test_padded_batches_with_lengths_train_as_the_list_does():
    one, _ = trained(ragged())
    other, _ = trained(DataLoader(TensorDataset(*padded(ragged())), batch_size=6))

    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)


def test_that_comparison_notices_lengths_left_out():
    x, y, _ = padded(ragged())

    one, _ = trained(ragged())
    other, _ = trained(DataLoader(TensorDataset(x, y), batch_size=6))

    assert one.train_loss != pytest.approx(other.train_loss, rel=1e-2)


def test_padded_weights_count():
    x, y, lengths = padded(ragged())
    weights = torch.rand(x.shape[:2], generator=torch.Generator().manual_seed(0))
    triples = [(x, y, w[: len(x)]) for (x, y), w in zip(ragged(), weights, strict=True)]

    one, _ = trained(triples)
    other, _ = trained(DataLoader(TensorDataset(x, y, lengths, weights), batch_size=6))

    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)


def test_next_values_are_the_sequences_own():
    x, _, lengths = padded(ragged())
    xs = [x for x, _ in ragged()]

    def losses(data):
        model = a_model(outputs=2)
        return fit(model, data, "mse", target="next", epochs=2).train_loss

    expected = pytest.approx(losses(xs), rel=1e-5)
    assert losses(DataLoader(xs, batch_size=6, collate_fn=list)) == expected
    assert losses(DataLoader(TensorDataset(x, lengths), batch_size=6)) == expected


def test_the_loaders_shuffling_follows_the_seed():
    def shuffled(seed):
        loader = DataLoader(ragged(), batch_size=2, shuffle=True, collate_fn=list)
        return trained(loader, seed=seed)[1]

    assert_same_bits(shuffled(1), shuffled(1))
    assert not torch.equal(shuffled(1)["parts.2.weight"], shuffled(2)["parts.2.weight"])


def test_a_loader_may_validate():
    held_out = ragged(seed=4)

    one, _ = trained(ragged(), validation=held_out)
    other, _ = trained(ragged(), validation=DataLoader(held_out, batch_size=4, collate_fn=list))

    assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-5)


def test_a_stream_of_batches_without_a_length_is_taken(capfd):
    class Endless(IterableDataset):
        def __iter__(self):
            return iter(ragged())

    history, _ = trained(DataLoader(Endless(), batch_size=2, collate_fn=list), progress=True)

    assert history.epochs == 3
    assert "epoch 3/3" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((torch.zeros(2, 3, 2),), r"batch 0 of data has 1 parts, expected \(x, y\)"),
        ((torch.zeros(2, 3, 2), torch.zeros(2, 4)), r"expected the same rows and steps"),
        ((torch.zeros(2, 3, 2), torch.zeros(2, 3), torch.tensor([3, 4])), r"lengths from 3 to 4"),
        ((torch.zeros(2, 3, 2), torch.zeros(2, 3), torch.tensor([3.0, 4.0])), r"whole numbers"),
        ((torch.zeros(2, 0, 2), torch.zeros(2, 0)), r"at least one row and step"),
        ([(torch.zeros(3, 2), torch.zeros(2))], r"batch 0 of data, sequence 0 has x of 3 steps"),
    ],
)
def test_unusable_batches_are_named(batch, message):
    loader = DataLoader([batch], batch_size=None, collate_fn=lambda batch: batch)

    with pytest.raises((DataError, ShapeError), match=message):
        trained(loader)


def test_a_loader_without_batches_is_refused():
    with pytest.raises(DataError, match="data gave no batch"):
        trained(DataLoader([]))
