"""What a layer takes, what it refuses, and in which words."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recurra import NotStreamableError, Recurrent, ShapeError, Stack, StateError, cells

GRU = "GRU(input_size=3, hidden_size=4)"
LSTM = "LSTM(input_size=3, hidden_size=4)"
gru = Recurrent(cells.GRU(3, 4))
lstm = Recurrent(cells.LSTM(3, 4))
x = torch.randn(2, 5, 3)


class Theirs(NamedTuple):
    h: Tensor


def refused(kind, message, layer, *arguments, **named):
    with pytest.raises(kind) as error:
        layer(*arguments, **named)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (gru, torch.zeros(2, 5, 4), f"{GRU}: x has shape (2, 5, 4), expected (..., 3)."),
        (gru, torch.zeros(5, 4), f"{GRU}: x has shape (5, 4), expected (..., 3)."),
    ],
)
def test_x_with_other_features_is_refused(layer, x, message):
    refused(ShapeError, f"{message} The last axis holds features.", layer, x)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5, 3, 1)])
def test_x_with_other_axes_is_refused(shape):
    refused(
        ShapeError,
        f"{GRU}: x has shape {shape}, expected (batch, time, feature) or (time, feature).",
        gru,
        torch.zeros(shape),
    )


def test_an_embedding_takes_indices_without_a_feature_axis():
    layer = Stack(nn.Embedding(5, 3), Recurrent(cells.GRU(3, 4)))

    assert layer(torch.zeros(2, 5, dtype=torch.long))[0].shape == (2, 5, 4)
    assert layer(torch.zeros(5, dtype=torch.long))[0].shape == (5, 4)
    refused(
        ShapeError,
        f"Stack(Embedding, {GRU}): x has shape (2, 5, 3), expected (batch, time) or (time).",
        layer,
        torch.zeros(2, 5, 3, dtype=torch.long),
    )


def test_x_that_is_no_tensor_is_refused():
    refused(
        TypeError,
        f"{GRU}: x is a ndarray, expected a torch.Tensor. Pass torch.as_tensor(x).",
        gru,
        x.numpy(),
    )


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            cells.GRUState(h=torch.zeros(2, 4)),
            "state has slots h (2, 4), expected h (2, 4), c (2, 4).",
        ),
        (
            (torch.zeros(2, 4), torch.zeros(2, 4)),
            "state has slots 0 (2, 4), 1 (2, 4), expected h (2, 4), c (2, 4).",
        ),
        (torch.zeros(2, 4), "state has slots state (2, 4), expected h (2, 4), c (2, 4)."),
        ((), "state has slots (), expected h (2, 4), c (2, 4)."),
    ],
)
def test_a_state_of_other_slots_is_refused(state, message):
    repair = "Pass what the layer returned, or None to start at H_0."

    refused(StateError, f"{LSTM}: {message} {repair}", lstm, x, state)


def test_a_state_of_a_stack_with_other_parts_is_refused():
    long, short = Stack(nn.ReLU(), gru, nn.ReLU()), Stack(nn.ReLU(), gru)

    refused(
        StateError,
        f"Stack(ReLU, {GRU}, ReLU): state has slots 0 (), 1.h (2, 4), expected 0 (), 1.h (2, 4), "
        "2 (). Pass what the layer returned, or None to start at H_0.",
        long,
        x,
        short.initial_state(2),
    )


def test_a_list_is_no_state():
    refused(
        StateError,
        f"{LSTM}: a state is a tensor, or a NamedTuple, dataclass or tuple of states, not list.",
        lstm,
        x,
        [torch.zeros(2, 4), torch.zeros(2, 4)],
    )


def test_a_state_of_other_sizes_is_refused():
    refused(
        StateError,
        f"{LSTM}: state has c of shape (3, 4), expected (2, 4) for x with 2 rows.",
        lstm,
        x,
        cells.LSTMState(h=torch.zeros(2, 4), c=torch.zeros(3, 4)),
    )
    refused(
        StateError,
        f"{GRU}: state has h of shape (1, 4), expected (4,) for x without a batch axis.",
        gru,
        x[0],
        gru.initial_state(1),
    )


def test_a_state_of_another_class_with_the_same_slots_is_as_good():
    h = torch.randn(2, 4)

    y, end = gru(x, Theirs(h))

    assert torch.equal(y, gru(x, cells.GRUState(h))[0])
    assert isinstance(end, cells.GRUState)
    assert isinstance(gru(x, Theirs(h), lengths=[5, 0])[1], cells.GRUState)


def test_a_gradient_flows_into_the_state_that_is_given():
    h = torch.randn(2, 4, requires_grad=True)

    gru(x, cells.GRUState(h), lengths=[5, 0])[1].h.sum().backward()

    assert h.grad[0].all()
    assert torch.equal(h.grad[1], torch.ones(4))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([2.0, 5.0], "lengths is torch.float32, expected whole numbers of steps."),
        ([True, False], "lengths is torch.bool, expected whole numbers of steps."),
        ([5], "lengths has shape (1,), expected (2,), one number a row of x."),
        ([], "lengths has shape (0,), expected (2,), one number a row of x."),
        (5, "lengths has shape (), expected (2,), one number a row of x."),
        ([[5, 2]], "lengths has shape (1, 2), expected (2,), one number a row of x."),
        ([6, 2], "lengths go from 2 to 6, expected 0 to 5, the time steps of x."),
        ([5, -1], "lengths go from -1 to 5, expected 0 to 5, the time steps of x."),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    refused(ShapeError, f"{GRU}: {message}", gru, x, lengths=lengths)


def test_lengths_without_a_batch_axis_are_refused():
    refused(
        ShapeError,
        f"{GRU}: lengths is given for x of shape (5, 3), which has no batch axis. Cut x at its "
        "length instead.",
        gru,
        x[0],
        lengths=[5],
    )


@pytest.mark.parametrize(
    "lengths",
    [(5, 2), np.array([5, 2]), *(torch.tensor([5, 2]).to(t) for t in (torch.uint8, torch.uint16))],
)
def test_lengths_come_in_any_kind_of_integers(lengths):
    layer = Stack(gru, Recurrent(cells.Mean(4)))

    assert torch.equal(layer(x, lengths=lengths)[0], layer(x, lengths=[5, 2])[0])


@pytest.mark.parametrize(
    ("reset", "message"),
    [
        (
            torch.zeros(2, 5, dtype=torch.int64),
            "reset is torch.int64, expected booleans. Pass reset.bool() where anything but 0 means "
            "a reset.",
        ),
        (
            torch.zeros(2, 5),
            "reset is torch.float32, expected booleans. Pass reset.bool() where anything but 0 "
            "means a reset.",
        ),
        (
            torch.zeros(2, dtype=torch.bool),
            "reset has shape (2,), expected (2, 5), a flag for every row and step of x.",
        ),
        (
            torch.zeros(5, 2, dtype=torch.bool),
            "reset has shape (5, 2), expected (2, 5), a flag for every row and step of x.",
        ),
    ],
)
def test_a_reset_that_does_not_fit_is_refused(reset, message):
    refused(ShapeError, f"{GRU}: {message}", gru, x, reset=reset)


def test_a_reset_for_one_sequence_is_told_its_own_shape():
    refused(
        ShapeError,
        f"{GRU}: reset has shape (1, 5), expected (5,), a flag for every step of x.",
        gru,
        x[0],
        reset=torch.zeros(1, 5, dtype=torch.bool),
    )


def test_a_reset_comes_as_a_tensor_an_array_or_lists():
    reset = torch.tensor([[False, True, False, False, True]] * 2)
    wanted = gru(x, reset=reset)[0]

    assert torch.equal(gru(x, reset=reset.numpy())[0], wanted)
    assert torch.equal(gru(x, reset=reset.tolist())[0], wanted)
    assert torch.equal(gru(x[0], reset=reset[0].tolist())[0], gru(x[0], reset=reset[0])[0])


@pytest.mark.parametrize("wrong", [gru, nn.Linear(3, 3), cells.GRU])
def test_recurrent_takes_a_cell_only(wrong):
    refused(
        TypeError,
        f"Recurrent: cell is a {type(wrong).__name__}, expected a recurra.Cell. "
        "Subclass recurra.Cell and define initial_state, update and output.",
        Recurrent,
        wrong,
    )


def test_errors_are_also_those_that_callers_expect():
    assert issubclass(ShapeError, ValueError)
    assert issubclass(StateError, ValueError)
    assert issubclass(NotStreamableError, TypeError)
