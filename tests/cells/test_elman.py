"""The simple recurrent network's starts; its arithmetic is in test_against_torch.py."""

import pytest
import torch

from recurra import Recurrent, cells


def test_weights_start_uniform_within_one_over_the_root_of_the_units():
    torch.manual_seed(0)
    cell = cells.Elman(50, 100)

    for weight in cell.parameters():
        assert weight.abs().max() <= 0.1
        assert weight.abs().max() > 0.09
        assert abs(weight.mean()) < 0.02


def test_the_identity_start_is_that_of_le_et_al():
    torch.manual_seed(0)
    cell = cells.Elman(100, 100, nonlinearity="relu", identity_start=True)

    assert torch.equal(cell.recurrent.weight, torch.eye(100))
    assert not cell.input.bias.any()
    assert 0.00098 < cell.input.weight.std() < 0.00102


def test_an_identity_start_with_relu_keeps_its_state_while_nothing_comes():
    cell = cells.Elman(2, 3, nonlinearity="relu", identity_start=True)
    start = cells.ElmanState(h=torch.tensor([[0.0, 1.0, 2.5]]))

    y, end = Recurrent(cell)(torch.zeros(1, 1000, 2), start)

    assert torch.equal(end.h, start.h)
    assert torch.equal(y, start.h.expand(1, 1000, 3))


def test_that_oracle_notices_the_usual_start():
    start = cells.ElmanState(h=torch.tensor([[0.0, 1.0, 2.5]]))

    _, end = Recurrent(cells.Elman(2, 3, nonlinearity="relu"))(torch.zeros(1, 1000, 2), start)

    assert not torch.allclose(end.h, start.h, atol=1e-3)


@pytest.mark.parametrize("cell", [cells.Elman(3, 4), cells.LSTM(3, 4), cells.GRU(3, 4)])
def test_reset_parameters_draws_every_weight_again(cell):
    before = [weight.detach().clone() for weight in cell.parameters()]

    cell.reset_parameters()

    for weight, old in zip(cell.parameters(), before, strict=True):
        assert not torch.equal(weight, old)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("family", [cells.Elman, cells.LSTM, cells.GRU])
def test_a_cell_without_units_answers_with_no_features(family):
    assert Recurrent(family(3, 0))(torch.zeros(2, 5, 3))[0].shape == (2, 5, 0)


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(ValueError, match="nonlinearity") as error:
        cells.Elman(3, 4, nonlinearity="sigmoid")
    assert str(error.value) == "Elman: nonlinearity is 'sigmoid', expected 'tanh' or 'relu'."
