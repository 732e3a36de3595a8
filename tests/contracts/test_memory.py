"""A call changes none of its arguments, and what it gives back is the caller's to write to."""

import pytest
import torch

from recurra.cells.state import map_state
from tests.contracts.drawn import assert_same_bits, layer_of, slots, state_of, x_of
from tests.contracts.rows import every_layer, every_streaming_layer


def copy_of(state):
    return map_state(torch.clone, state)


@every_layer
def test_a_call_writes_to_none_of_its_arguments(row):
    layer = layer_of(row).train()
    x = x_of(row, 2, 4)
    start = state_of(row, layer, 2)
    lengths, reset = torch.tensor([4, 2]), torch.tensor([[False, True, False, False]] * 2)
    arguments = [x, *slots(start), lengths, reset, *layer.state_dict(keep_vars=True).values()]
    before = [(each._version, each.clone()) for each in arguments]

    layer(x, start, lengths=lengths, reset=reset, return_states=True)
    if row.streams:
        layer.step(start, x[:, 0])

    for argument, (version, value) in zip(arguments, before, strict=True):
        assert argument._version == version
        assert torch.equal(argument, value)


@every_layer
@pytest.mark.parametrize("inference", [False, True])
def test_nothing_given_back_changes_when_x_is_written_to(row, inference):
    layer = layer_of(row)
    with torch.inference_mode(inference), torch.no_grad():
        x = x_of(row, 2, 4)
        y, state, states = layer(x, return_states=True)
        kept = [copy_of(each) for each in (y, state, states)]

        x.zero_()

        for got, wanted in zip((y, state, states), kept, strict=True):
            assert_same_bits(got, wanted)


@every_streaming_layer
@pytest.mark.parametrize("inference", [False, True])
def test_a_stream_may_be_fed_from_one_buffer_and_its_answers_written_to(row, inference):
    layer = layer_of(row)
    with torch.inference_mode(inference), torch.no_grad():
        x = x_of(row, 2, 5)
        state = wanted_state = layer.initial_state(2)
        buffer = torch.empty_like(x[:, 0])
        for t in range(5):
            wanted, wanted_state = layer.step(wanted_state, x[:, t].clone())
            wanted_now = copy_of(wanted_state)

            y, state = layer.step(state, buffer.copy_(x[:, t]))
            assert_same_bits(y, wanted)
            y.fill_(9)

            assert_same_bits(state, wanted_now)


@every_layer
def test_writing_to_a_state_does_not_move_where_the_layer_starts(row):
    layer = layer_of(row)
    wanted = copy_of(layer.initial_state(2))

    with torch.no_grad():
        for slot in slots(layer.initial_state(2)):
            slot.fill_(9)

    assert_same_bits(layer.initial_state(2), wanted)
