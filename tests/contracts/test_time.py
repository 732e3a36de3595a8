"""A sequence run whole, in chunks or step by step is the same sequence."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra import NotStreamableError
from tests.contracts.drawn import (
    assert_agree,
    assert_close_states,
    assert_same_bits,
    at_time,
    layer_of,
    rows_of,
    slots,
    state_of,
    x_of,
)
from tests.contracts.rows import ROWS, every_layer, every_streaming_layer


@every_streaming_layer
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stepping_equals_the_sequence(row, dtype):
    layer = layer_of(row, dtype=dtype)
    x = x_of(row, 3, 7, dtype=dtype)
    start = state = state_of(row, layer, 3, dtype=dtype)

    whole, end, states = layer(x, start, return_states=True)

    for t in range(7):
        y, state = layer.step(state, x[:, t].contiguous())
        assert_agree(row, y, whole[:, t])
        assert_agree(row, state, at_time(states, t))
    assert_agree(row, state, end)


@every_streaming_layer
@settings(max_examples=4)
@given(borders=st.lists(st.integers(0, 9), max_size=4).map(sorted))
def test_any_chunks_equal_the_sequence(row, borders):
    layer = layer_of(row)
    x = x_of(row, 2, 9)
    whole, end = layer(x)
    state = None
    chunks = []

    for first, last in zip([0, *borders], [*borders, 9], strict=True):
        y, state = layer(x[:, first:last].contiguous(), state)
        chunks.append(y)

    assert_agree(row, torch.cat(chunks, dim=1), whole)
    assert_agree(row, state, end)


@every_streaming_layer
def test_the_last_of_all_states_is_the_final_state(row):
    layer = layer_of(row)

    y, end, states = layer(x_of(row, 3, 5), lengths=[5, 2, 3], return_states=True)

    assert_same_bits(at_time(states, -1), end)
    assert_same_bits(y, layer(x_of(row, 3, 5), lengths=[5, 2, 3])[0])


@every_layer
def test_one_sequence_equals_a_batch_of_one(row):
    layer = layer_of(row)
    x = x_of(row, 1, 4)
    start = state_of(row, layer, 1)
    reset = torch.tensor([[False, False, True, False]])

    batched = layer(x, start, reset=reset, return_states=True)
    alone = layer(x[0], rows_of(start, 0), reset=reset[0], return_states=True)

    for got, wanted in zip(alone, batched, strict=True):
        assert_same_bits(got, rows_of(wanted, 0))
    assert_same_bits(layer(x[0])[0], layer(x)[0][0])


@every_layer
def test_a_batch_without_rows_works(row):
    layer = layer_of(row)
    width = layer(x_of(row, 1, 4))[0].shape[2]

    y, state, states = layer(x_of(row, 0, 4), lengths=[], return_states=True)

    assert y.shape == (0, 4, width)
    assert_same_bits(state, rows_of(layer(x_of(row, 1, 4))[1], slice(0)))
    assert_same_bits(at_time(states, 0), state)


@every_layer
@pytest.mark.parametrize("batch", [0, 2])
def test_a_sequence_without_steps_answers_nothing_and_keeps_the_state(row, batch):
    layer = layer_of(row)
    start = state_of(row, layer, batch)
    width = layer(x_of(row, 1, 4))[0].shape[2]
    reset = torch.zeros(batch, 0, dtype=torch.bool)

    y, state, states = layer(
        x_of(row, batch, 0), start, lengths=[0] * batch, reset=reset, return_states=True
    )

    assert y.shape == (batch, 0, width)
    assert_same_bits(state, start)
    for slot, kept in zip(slots(states), slots(start), strict=True):
        assert slot.shape == (batch, 0, *kept.shape[1:])
    assert_same_bits(layer(x_of(row, batch, 0))[1], layer.initial_state(batch))


@every_layer
def test_how_the_input_lies_in_memory_does_not_matter(row):
    layer = layer_of(row)
    x = x_of(row, 3, 4)
    y, _ = layer(x)

    strided = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert not strided.is_contiguous()
    assert_close_states(layer(strided)[0], y)

    one = x[:1].expand(3, *x.shape[1:])
    assert_close_states(layer(one)[0], layer(one.contiguous())[0])


@pytest.mark.parametrize("row", [row for row in ROWS if not row.streams], ids=lambda r: r.name)
def test_what_cannot_stream_says_so(row):
    layer = layer_of(row)

    with pytest.raises(NotStreamableError, match="reads each sequence from the end"):
        layer.step(layer.initial_state(1), x_of(row, 1, 1)[:, 0])
