"""Stacks and residuals against their parts put together by hand, and what they refuse."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from recurra import Bidirectional, Recurrent, Residual, ShapeError, Stack, cells

GRU = "GRU(input_size=3, hidden_size=3)"


@pytest.fixture
def parts():
    torch.manual_seed(0)
    return Recurrent(cells.LSTM(3, 4)), nn.Linear(4, 3), Recurrent(cells.GRU(3, 3)), nn.Tanh()


def test_a_stack_is_its_parts_one_after_the_other(parts):
    lstm, linear, gru, tanh = parts
    x = torch.randn(2, 5, 3)
    lstm_state, gru_state = lstm(x)[1], gru(x)[1]

    y, state, states = Stack(*parts)(x, (lstm_state, (), gru_state, ()), return_states=True)

    first, lstm_end, lstm_states = lstm(x, lstm_state, return_states=True)
    second, gru_end, gru_states = gru(linear(first), gru_state, return_states=True)
    assert_close(y, tanh(second))
    assert state[1] == state[3] == states[1] == states[3] == ()
    assert_close(state[0].c, lstm_end.c)
    assert_close(state[2].h, gru_end.h)
    assert_close(states[0].c, lstm_states.c)
    assert_close(states[2].h, gru_states.h)


def test_that_oracle_notices_parts_in_another_order(parts):
    lstm, linear, gru, tanh = parts
    x = torch.randn(2, 5, 3)

    assert not torch.allclose(Stack(*parts)(x)[0], Stack(lstm, linear, tanh, gru)(x)[0], atol=1e-3)


def test_lengths_and_resets_reach_every_layer(parts):
    lstm, linear, gru, tanh = parts
    x, lengths = torch.randn(2, 5, 3), [5, 3]
    reset = torch.tensor([[False, False, True, False, False]] * 2)

    y, state = Stack(*parts)(x, lengths=lengths, reset=reset)

    first, _ = lstm(x, lengths=lengths, reset=reset)
    second, gru_end = gru(linear(first), lengths=lengths, reset=reset)
    assert_close(y[0], tanh(second)[0])
    assert_close(y[1, :3], tanh(second)[1, :3])
    assert not y[1, 3:].any()
    assert_close(state[2].h, gru_end.h)


def test_a_part_may_stand_in_a_stack_twice(parts):
    gru = parts[2]
    x = torch.randn(2, 5, 3)

    y, state = Stack(gru, gru)(x)

    assert_close(y, gru(gru(x)[0])[0])
    assert not torch.equal(state[0].h, state[1].h)


def test_a_stack_of_a_stateless_part_has_an_empty_state_for_it():
    layer = Stack(nn.Linear(3, 2))

    assert layer.initial_state(4) == ((),)
    assert layer(torch.zeros(4, 1, 3))[1] == ((),)
    assert layer.step(((),), torch.zeros(4, 3))[1] == ((),)


def test_dropout_between_layers_drops_while_training_only(parts):
    layer = Stack(nn.Identity(), nn.Dropout(0.5))
    x = torch.ones(2, 5, 3)

    assert set(layer(x)[0].unique().tolist()) == {0.0, 2.0}
    assert torch.equal(layer.eval()(x)[0], x)


def test_residual_adds_the_input(parts):
    gru = parts[2]
    x = torch.randn(2, 5, 3)

    assert_close(Residual(gru)(x)[0], x + gru(x)[0])
    assert_close(Residual(gru)(x)[1].h, gru(x)[1].h)
    both = Bidirectional(cells.GRU(3, 3), merge="sum")
    assert_close(Residual(both)(x)[0], x + both(x)[0])


def test_residual_needs_as_many_features_out_as_in():
    layer = Residual(Recurrent(cells.GRU(3, 4)))
    message = (
        "Residual(GRU(input_size=3, hidden_size=4)): takes 3 features and answers with 4, expected "
        "as many, to add them."
    )

    for run in (
        lambda: layer(torch.zeros(2, 5, 3)),
        lambda: layer.step(layer.initial_state(2), torch.zeros(2, 3)),
    ):
        with pytest.raises(ShapeError) as error:
            run()
        assert str(error.value) == message


def test_the_first_part_says_how_many_features_x_has(parts):
    with pytest.raises(ShapeError) as error:
        Stack(nn.Linear(4, 3), parts[2])(torch.zeros(2, 5, 3))
    assert str(error.value) == (
        f"Stack(Linear, {GRU}): x has shape (2, 5, 3), expected (..., 4). "
        "The last axis holds features."
    )


def test_a_part_that_is_given_other_features_says_so_itself(parts):
    with pytest.raises(ShapeError) as error:
        Stack(nn.Linear(3, 4), parts[2])(torch.zeros(2, 5, 3))
    assert str(error.value) == (
        f"{GRU}: x has shape (2, 5, 4), expected (..., 3). The last axis holds features."
    )


class Custom(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.inside = inside


TIME = "mixes time steps, so the stack could not go on step by step. Keep it outside the stack."
ROWS = (
    "mixes the rows of a batch, so a row's answer would depend on its neighbours. "
    "Use torch.nn.LayerNorm."
)
AXIS = "means another axis in a step than in a sequence. Use dim=-1, the features."
INSIDE = "which does not carry a state. Use recurra.Stack or recurra.Residual around it."


def hidden(theirs, ours):
    return (
        f"torch.nn.{theirs} hides its state from the stack. "
        f"Use recurra.Recurrent(recurra.cells.{ours}(...))."
    )


REFUSED = [
    (nn.Softmax(), f"torch.nn.Softmax(dim=None) {AXIS}"),
    (nn.LogSoftmax(dim=1), f"torch.nn.LogSoftmax(dim=1) {AXIS}"),
    (nn.Sequential(nn.Linear(3, 3), nn.Softmin(dim=2)), f"torch.nn.Softmin(dim=2) {AXIS}"),
    (nn.GLU(dim=0), f"torch.nn.GLU(dim=0) {AXIS}"),
    (cells.GRU(3, 3), f"{GRU} is a cell, expected a layer. Wrap it: recurra.Recurrent(GRU(...))."),
    (torch.tanh, "got a builtin_function_or_method, expected layers and torch modules."),
    ([nn.Tanh()], "got a list, expected layers and torch modules."),
    (nn.RNN(3, 3), hidden("RNN", "Elman")),
    (nn.LSTM(3, 3), hidden("LSTM", "LSTM")),
    (nn.Sequential(nn.GRU(3, 3)), hidden("GRU", "GRU")),
    (nn.RNNCell(3, 3), hidden("RNNCell", "Elman")),
    (nn.LSTMCell(3, 3), hidden("LSTMCell", "LSTM")),
    (nn.GRUCell(3, 3), hidden("GRUCell", "GRU")),
    (Custom(Recurrent(cells.GRU(3, 3))), f"{GRU} sits inside a Custom, {INSIDE}"),
    (nn.Sequential(cells.GRU(3, 3)), f"{GRU} sits inside a Sequential, {INSIDE}"),
    (nn.BatchNorm1d(3), f"BatchNorm1d {ROWS}"),
    (nn.Sequential(nn.SyncBatchNorm(3)), f"SyncBatchNorm {ROWS}"),
    (nn.Conv1d(3, 3, 3), f"Conv1d {TIME}"),
    (nn.ConvTranspose1d(3, 3, 3), f"ConvTranspose1d {TIME}"),
    (nn.MultiheadAttention(3, 1), f"MultiheadAttention {TIME}"),
    (nn.TransformerEncoderLayer(4, 2, batch_first=True), f"MultiheadAttention {TIME}"),
    (nn.MaxPool1d(2), f"MaxPool1d {TIME}"),
    (nn.AvgPool2d(2), f"AvgPool2d {TIME}"),
    (nn.Flatten(), f"Flatten {TIME}"),
]


@pytest.mark.parametrize(("part", "message"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_cannot_stand_in_a_stack_is_refused_with_the_repair(part, message):
    with pytest.raises(TypeError) as error:
        Stack(nn.Tanh(), part)
    assert str(error.value) == f"Stack, part 1: {message}"
    with pytest.raises(TypeError) as error:
        Residual(part)
    assert str(error.value) == f"Residual: {message}"


def test_a_stack_without_parts_is_refused():
    with pytest.raises(ValueError, match="parts") as error:
        Stack()
    assert str(error.value) == "Stack: got no parts, expected layers and torch modules."
