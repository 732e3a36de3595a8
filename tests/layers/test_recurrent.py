"""Bits at sizes where a matrix product takes its fast paths, and cells that run into trouble."""

import pytest
import torch
from torch import nn

from recurra import Bidirectional, Recurrent, Residual, ShapeError, Stack, StateError, cells


@pytest.mark.parametrize("make", [cells.Elman, cells.LSTM, cells.GRU])
@pytest.mark.parametrize("batch", [1, 5, 32])
def test_chunks_and_steps_equal_the_sequence_at_full_size(make, batch):
    torch.manual_seed(0)
    layer = Recurrent(make(12, 64))
    x = torch.randn(batch, 20, 12)
    state = layer.initial_state(batch)

    with torch.no_grad():
        whole, end = layer(x)
        head, middle = layer(x[:, :7].contiguous())
        tail, chunked = layer(x[:, 7:].contiguous(), middle)
        for t in range(20):
            y, state = layer.step(state, x[:, t].contiguous())
            assert torch.equal(y, whole[:, t])

    assert torch.equal(torch.cat([head, tail], dim=1), whole)
    assert torch.equal(chunked.h, end.h)
    assert torch.equal(state.h, end.h)


def test_an_error_in_a_cell_comes_through_as_it_is():
    class Broken(cells.GRU):
        def update(self, state, x):
            raise ZeroDivisionError("of my own")

    with pytest.raises(ZeroDivisionError, match="of my own"):
        Recurrent(Broken(3, 4))(torch.zeros(2, 5, 3))


@pytest.mark.parametrize(
    ("x", "repair"),
    [
        (torch.zeros(2, 5, 3) > 0, "Pass x.to(torch.float32)."),
        (torch.zeros(2, 5, 3).long(), "Pass x.to(torch.float32)."),
        (
            torch.zeros(2, 5, 3).double(),
            "Pass x.to(torch.float32) or use layer.to(torch.float64).",
        ),
    ],
)
@pytest.mark.parametrize("part", [cells.GRU(3, 4), cells.Elman(3, 4)])
def test_x_of_another_type_than_the_weights_is_refused_with_the_repair(part, x, repair):
    for layer in (Recurrent(part), Residual(Bidirectional(part)), Stack(Recurrent(part))):
        with pytest.raises(ShapeError) as error:
            layer(x)
        assert str(error.value).endswith(
            f": x is {x.dtype}, the layer's weights are torch.float32. {repair}"
        )
    for layer in (Recurrent(part), Stack(nn.Linear(3, 3), Recurrent(part))):
        with pytest.raises(ShapeError, match=r"the layer's weights are torch\.float32"):
            layer.step(None, x[:, 0])


def test_a_cells_own_error_comes_through_with_x_of_another_type_too():
    class Broken(cells.GRU):
        def update(self, state, x):
            raise RuntimeError("of my own")

    with pytest.raises(RuntimeError, match="of my own"):
        Recurrent(Broken(3, 4))(torch.zeros(2, 5, 3).double())


def test_an_embedding_that_is_given_features_keeps_torchs_error():
    with pytest.raises(RuntimeError, match="indices"):
        Stack(nn.Embedding(3, 2))(torch.zeros(2, 5).double())


def test_a_state_of_another_float_type_is_refused():
    layer = Recurrent(cells.LSTM(3, 4))
    state = layer.initial_state(2)
    state = state._replace(c=state.c.double())  # torch would go on, and answer in float64

    for call in (
        lambda: layer(torch.zeros(2, 5, 3), state),
        lambda: layer.step(state, torch.zeros(2, 3)),
    ):
        with pytest.raises(StateError) as error:
            call()
        assert str(error.value) == (
            "LSTM(input_size=3, hidden_size=4): state has c of torch.float64, expected "
            "torch.float32. Pass what the layer returned, or c.to(torch.float32)."
        )


def test_a_cell_without_weights_takes_back_the_state_it_gave_whatever_its_type():
    layer = Recurrent(cells.Mean(1))
    x = torch.tensor([[1.0], [2.0], [6.0]]).double()

    _, state = layer(x[:2])

    assert layer(x[2:], state)[0].item() == 3


def test_a_cell_without_weights_takes_x_of_any_type():
    y, _ = Recurrent(cells.Mean(1))(torch.tensor([[1], [2], [6]]))

    assert y.flatten().tolist() == [1, 1.5, 3]
