"""A reset starts an episode at H_0, and nothing passes it: no value and no gradient."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from recurra import Stack
from tests.contracts.drawn import (
    assert_agree,
    assert_close_states,
    at_time,
    gradients,
    layer_of,
    mixed,
    rows_of,
    slots,
    state_of,
    x_of,
)
from tests.contracts.rows import every_layer, every_streaming_layer

BATCH, TIME = 3, 6
flags = st.lists(
    st.lists(st.booleans(), min_size=TIME, max_size=TIME), min_size=BATCH, max_size=BATCH
)


def at(*steps):
    """Reset every row at these steps."""
    reset = torch.zeros(BATCH, TIME, dtype=torch.bool)
    reset[:, list(steps)] = True
    return reset


@every_layer
@settings(max_examples=4)
@given(flags=flags, lengths=st.lists(st.integers(0, TIME), min_size=BATCH, max_size=BATCH))
def test_resets_equal_each_episode_alone(row, flags, lengths):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    start = state_of(row, layer, BATCH)
    y, end = layer(x, start, lengths=lengths, reset=flags)

    for k, length in enumerate(lengths):
        borders = [t for t in range(length) if flags[k][t]]
        if not row.streams and borders:
            continue  # which state an episode gets depends on the direction: see tests/layers
        state = rows_of(start, k)
        answers = []
        for first, last in zip([0, *borders], [*borders, length], strict=True):
            answer, state = layer(x[k, first:last], state if first not in borders else None)
            answers.append(answer)
        assert_close_states(y[k, :length], torch.cat(answers))
        assert_close_states(rows_of(end, k), state)


@every_layer
def test_a_reset_everywhere_equals_each_step_alone(row):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)

    y, _ = layer(x, reset=at(*range(TIME)))

    for t in range(TIME):
        assert_close_states(y[:, t], layer(x[:, t : t + 1])[0][:, 0])


@every_streaming_layer
def test_a_reset_equals_a_cut_in_values_and_gradients(row):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    inputs = [each.requires_grad_() for each in [x] if each.is_floating_point()]
    start = state_of(row, layer, BATCH)

    y, end, states = layer(x, start, reset=at(4), return_states=True)
    before, before_end = layer(x[:, :4], start)
    after, after_end = layer(x[:, 4:])

    assert_agree(row, y, torch.cat([before, after], dim=1))
    assert_agree(row, at_time(states, 3), before_end)
    assert_agree(row, end, after_end)
    got = gradients(layer, mixed(y), *inputs)
    wanted = gradients(layer, mixed(torch.cat([before, after], dim=1)), *inputs)
    assert_close(got, wanted, rtol=0, atol=1e-12)


@every_layer
def test_no_gradient_crosses_a_reset(row):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    if not x.is_floating_point():
        layer, x = _past_embedding(layer, x)
    x.requires_grad_()
    start = state_of(row, layer, BATCH) if row.x != "indices" else layer.initial_state(BATCH)
    for slot in slots(start):
        slot.requires_grad_()

    y, _ = layer(x, start, reset=at(4))
    later, *to_start = torch.autograd.grad(
        mixed(y[:, 4:]), [x, *slots(start)], retain_graph=True, materialize_grads=True
    )
    (earlier,) = torch.autograd.grad(mixed(y[:, :4]), [x])

    assert not later[:, :4].any()
    assert not earlier[:, 4:].any()
    if row.streams:
        assert not any(each.any() for each in to_start)


def _past_embedding(layer, x):
    embedding, *rest = layer.parts
    return Stack(*rest), embedding(x).detach()


@every_streaming_layer
def test_a_reset_clears_a_state_that_is_not_a_number(row):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    start = state_of(row, layer, BATCH)
    for slot in slots(start):
        slot.fill_(math.nan)

    y, _ = layer(x, start, reset=at(2))

    assert y[:, 2:].isfinite().all()
