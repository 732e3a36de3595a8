"""Rows of a batch do not see each other, and nothing sees what lies past a row's length."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.drawn import (
    assert_close_states,
    assert_same_bits,
    at_time,
    gradients,
    layer_of,
    mixed,
    rows_of,
    slots,
    state_of,
    x_of,
)
from tests.contracts.rows import ROWS, every_layer, every_streaming_layer

every_layer_of_numbers = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.x != "indices"], ids=lambda row: row.name
)
BATCH, TIME = 4, 5
LENGTHS = torch.tensor([3, 5, 0, 1])


@every_layer
def test_a_row_equals_that_row_alone(row):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    start = state_of(row, layer, BATCH)
    y, end = layer(x, start)

    for k in range(BATCH):
        y_alone, end_alone = layer(x[k], rows_of(start, k))
        assert_close_states(y_alone, y[k])
        assert_close_states(end_alone, rows_of(end, k))


@every_layer
@settings(max_examples=4)
@given(lengths=st.lists(st.integers(0, TIME), min_size=BATCH, max_size=BATCH))
def test_ragged_rows_equal_each_row_alone_at_its_length(row, lengths):
    layer = layer_of(row)
    x = x_of(row, BATCH, TIME)
    start = state_of(row, layer, BATCH)
    y, end = layer(x, start, lengths=lengths)

    for k, length in enumerate(lengths):
        y_alone, end_alone = layer(x[k, :length], rows_of(start, k))
        assert_close_states(y[k, :length], y_alone)
        assert_close_states(rows_of(end, k), end_alone)
        assert not y[k, length:].any()


@every_streaming_layer
def test_past_its_length_a_rows_states_stay_the_last(row):
    layer = layer_of(row)
    _, end, states = layer(x_of(row, BATCH, TIME), lengths=LENGTHS, return_states=True)

    for k, length in enumerate(LENGTHS.tolist()):
        for t in range(length, TIME):
            assert_same_bits(rows_of(at_time(states, t), k), rows_of(end, k))


@every_layer
def test_rubbish_past_the_lengths_reaches_no_answer_state_or_gradient(row):
    layer = layer_of(row)
    clean = x_of(row, BATCH, TIME)
    past = torch.arange(TIME) >= LENGTHS[:, None]
    dirty = clean.clone()
    dirty[past] = math.nan if dirty.is_floating_point() else 10**6
    dirty[0, 4] = math.inf if dirty.is_floating_point() else -1

    for got, wanted in zip(_run(row, layer, dirty), _run(row, layer, clean), strict=True):
        assert_same_bits(got, wanted)
        assert all(slot.isfinite().all() for slot in slots(got))


def _run(row, layer, x):
    start = state_of(row, layer, BATCH)
    inputs = [each.requires_grad_() for each in [x, *slots(start)] if each.is_floating_point()]
    y, end, states = layer(x, start, lengths=LENGTHS, return_states=True)
    loss = sum(mixed(each) for each in [y, *slots(end), *slots(states)])
    return [y, end, states, *gradients(layer, loss, *inputs)]


@every_layer_of_numbers
@pytest.mark.parametrize("rubbish", [math.nan, math.inf])
def test_rubbish_in_one_row_stays_there(row, rubbish):
    layer = layer_of(row)
    clean = x_of(row, BATCH, TIME)
    dirty = clean.clone()
    dirty[1, 2] = rubbish
    others = [0, 2, 3]

    y, end = layer(dirty)
    wanted, wanted_end = layer(clean)

    assert_same_bits(y[others], wanted[others])
    assert_same_bits(rows_of(end, others), rows_of(wanted_end, others))
    if row.streams:
        assert_same_bits(y[1, :2], wanted[1, :2])
    assert not torch.equal(y[1, 2:], wanted[1, 2:])
