"""Where a sequence starts: `InitialState`."""

import pytest
import torch
from torch.testing import assert_close

from recurra import Recurrent, StateError, cells


@pytest.mark.parametrize("axis", [(), (None,)])
def test_every_row_starts_at_the_value_given(axis):
    h = torch.randn(4)
    cell = cells.GRU(3, 4)
    x = torch.randn(2, 5, 3)

    started = Recurrent(cells.InitialState(cell, cells.GRUState(h=h[axis])))

    assert torch.equal(started.initial_state(2).h, h.expand(2, 4))
    assert torch.equal(started(x)[0], Recurrent(cell)(x, cells.GRUState(h=h.repeat(2, 1)))[0])


def test_a_value_not_learned_is_kept_with_the_weights_and_not_trained():
    cell = cells.InitialState(cells.GRU(3, 4), cells.GRUState(h=torch.ones(4)))

    assert torch.equal(cell.state_dict()["start_0"], torch.ones(4))
    assert "start_0" not in dict(cell.named_parameters())


def test_changing_the_value_afterwards_changes_nothing():
    h = torch.ones(4)
    cell = cells.InitialState(cells.GRU(3, 4), cells.GRUState(h=h))

    h.zero_()

    assert torch.equal(cell.initial_state(1).h, torch.ones(1, 4))


def test_a_learned_start_finds_the_state_that_explains_the_answers():
    torch.manual_seed(0)
    inside = cells.Elman(2, 3, nonlinearity="relu", identity_start=True)
    layer = Recurrent(cells.InitialState(inside, learned=True))
    inside.requires_grad_(False)
    with torch.no_grad():
        layer.cell.start_0.fill_(0.5)
    wanted = torch.tensor([1.0, 2.0, 3.0])
    optimiser = torch.optim.SGD(layer.cell.parameters(recurse=False), lr=0.1)

    for _ in range(100):
        optimiser.zero_grad()
        y, _ = layer(torch.zeros(2, 2, 2))
        ((y - wanted) ** 2).mean((0, 1)).sum().backward()
        optimiser.step()

    assert_close(layer.cell.start_0.detach(), wanted)


def test_a_reset_goes_back_to_the_given_start():
    cell = cells.InitialState(cells.GRU(3, 4), cells.GRUState(h=torch.randn(4)))
    layer, x = Recurrent(cell), torch.randn(1, 4, 3)
    reset = torch.tensor([[False, False, True, False]])

    assert torch.equal(layer(x, reset=reset)[0][:, 2:], layer(x[:, 2:])[0])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            cells.LSTMState(h=torch.zeros(4), c=torch.zeros(4)),
            "GRU(input_size=3, hidden_size=4): value has slots h (4,), c (4,), expected h (4,).",
        ),
        (
            cells.GRUState(h=torch.zeros(5)),
            "GRU(input_size=3, hidden_size=4): value has h of shape (5,), expected (4,). H_0 is "
            "one row; every row of a batch starts there.",
        ),
        (
            cells.GRUState(h=torch.zeros(2, 4)),
            "GRU(input_size=3, hidden_size=4): value has h of shape (2, 4), expected (4,). H_0 is "
            "one row; every row of a batch starts there.",
        ),
    ],
)
def test_a_value_that_does_not_fit_the_cell_is_refused(value, message):
    with pytest.raises(StateError) as error:
        cells.InitialState(cells.GRU(3, 4), value)
    assert str(error.value) == message
