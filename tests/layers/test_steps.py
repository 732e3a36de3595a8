"""One event at a time, and the first mistakes people make in a cell of their own."""

import pytest
import torch
from torch import nn

import recurra as rc


class Growing(rc.Cell):
    """The likeliest slip in a cell of one's own: f gives another shape than H_0 has."""

    def initial_state(self, batch):
        return self.zeros(batch, 1)

    def update(self, state, x):
        return state + x

    def output(self, state, x):
        return state


class ForgetsBatch(Growing):
    def initial_state(self, batch):
        return self.zeros(1, 3)


@pytest.mark.parametrize(
    ("cell", "before"), [(Growing(), "state (2, 1)"), (ForgetsBatch(), "state (1, 3)")]
)
def test_a_cell_whose_state_changes_its_shape_is_named(cell, before):
    with pytest.raises(rc.StateError) as error:
        rc.Recurrent(cell)(torch.zeros(2, 4, 3))

    assert str(error.value) == (
        f"{type(cell).__name__}(): update makes a state state (2, 3) out of {before}. "
        f"initial_state(batch) and update have to give the same slots, each (batch, ...)."
    )


class InPlace(rc.Cell):
    def initial_state(self, batch):
        return self.zeros(batch, 3)

    def update(self, state, x):
        state += x
        return state

    def output(self, state, x):
        return state


@pytest.mark.parametrize(
    "call",
    [
        lambda layer: layer(torch.ones(2, 4, 3), lengths=[4, 1]),
        lambda layer: layer(torch.ones(2, 0, 3), torch.ones(2, 3)),
        lambda layer: layer.step(None, torch.ones(2, 3)),
        lambda layer: rc.Stack(layer).step(None, torch.ones(2, 3)),
        lambda layer: rc.Bidirectional(layer.cell)(torch.ones(2, 4, 3)),
    ],
)
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_a_cell_that_changes_its_state_in_place_is_named(call, mode):
    with mode(), pytest.raises(rc.StateError) as error:
        call(rc.Recurrent(InPlace()))

    assert str(error.value) == (
        "InPlace(): update changed its state in place. "
        "Return new tensors: state + x, not state += x."
    )


class Answers(rc.Cell):
    """Answers with whatever it is told."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def initial_state(self, batch):
        return self.zeros(batch, 3)

    def update(self, state, x):
        return state + x

    def output(self, state, x):
        return self.answer(state)


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (lambda state: state.sum(-1), "a tensor of shape (2,)"),
        (lambda state: state.sum(0, keepdim=True), "a tensor of shape (1, 3)"),
        (lambda state: None, "a NoneType"),
        (lambda state: (state, state), "a tuple"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda layer: layer(torch.ones(2, 4, 3)),
        lambda layer: layer(torch.ones(2, 0, 3)),
        lambda layer: layer.step(None, torch.ones(2, 3)),
    ],
)
def test_a_cell_whose_output_is_no_row_of_features_a_row_is_named(call, answer, came):
    with pytest.raises(rc.ShapeError) as error:
        call(rc.Recurrent(Answers(answer)))

    assert str(error.value) == (
        f"Answers(): output gives {came}, expected a tensor (batch, feature), here (2, feature)."
    )


def test_a_step_can_reset_some_rows_and_start_without_a_state():
    layer = rc.Stack(rc.Recurrent(rc.cells.LSTM(3, 4)), nn.Linear(4, 2))
    x = torch.randn(3, 5, 3)
    reset = torch.rand(3, 5) < 0.5

    whole, end = layer(x, reset=reset)
    answers, state = [], None
    for t in range(5):
        y, state = layer.step(state, x[:, t], reset=reset[:, t])
        answers.append(y)

    torch.testing.assert_close(torch.stack(answers, 1), whole)
    torch.testing.assert_close(state[0].c, end[0].c)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda layer: layer.step(None, torch.zeros(3)),
            "GRU(input_size=3, hidden_size=4): x has shape (3,), expected (batch, feature): "
            "one event a row.",
        ),
        (
            lambda layer: layer.step(None, torch.zeros(2, 5)),
            "GRU(input_size=3, hidden_size=4): x has shape (2, 5), expected (..., 3). "
            "The last axis holds features.",
        ),
        (
            lambda layer: layer.step(layer.initial_state(1), torch.zeros(2, 3)),
            "GRU(input_size=3, hidden_size=4): state has h of shape (1, 4), "
            "expected (2, 4) for x with 2 rows.",
        ),
        (
            lambda layer: layer.step(None, torch.zeros(2, 3), reset=[True]),
            "GRU(input_size=3, hidden_size=4): reset has shape (1,), expected (2,), "
            "a flag for every row.",
        ),
    ],
)
def test_a_wrong_step_says_what_is_wrong(call, message):
    with pytest.raises((rc.ShapeError, rc.StateError)) as error:
        call(rc.Recurrent(rc.cells.GRU(3, 4)))

    assert str(error.value) == message
