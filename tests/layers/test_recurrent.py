"""Bits at sizes where a matrix product takes its fast paths, and cells that run into trouble."""

import pytest
import torch

from recurra import Recurrent, cells


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


@pytest.mark.parametrize("x", [torch.zeros(2, 5, 3) > 0, torch.zeros(2, 5, 3).double()])
def test_x_of_another_type_than_the_weights_is_torchs_error(x):
    with pytest.raises(RuntimeError, match="same dtype"):
        Recurrent(cells.GRU(3, 4))(x)


def test_a_cell_without_weights_takes_x_of_any_type():
    y, _ = Recurrent(cells.Mean(1))(torch.tensor([[1], [2], [6]]))

    assert y.flatten().tolist() == [1, 1.5, 3]
