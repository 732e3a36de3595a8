"""Layers are torch modules like any other: copied, stored, moved, traced by torch.func, trained."""

import copy
import pickle

import pytest
import torch
from torch.func import functional_call

from recurra import cells
from tests.contracts.drawn import (
    assert_close_states,
    assert_same_bits,
    layer_of,
    mixed,
    slots,
    x_of,
)
from tests.contracts.rows import ROWS, every_layer, every_streaming_layer


def assert_same_layer(row, got, wanted):
    x = x_of(row, 2, 4)
    assert_same_bits(got(x)[0], wanted(x)[0])
    assert_same_bits(got(x)[1], wanted(x)[1])


def through_pickle(layer):
    return pickle.loads(pickle.dumps(layer))


@every_layer
@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
def test_a_copy_answers_alike_and_shares_no_weights(row, copied):
    layer = layer_of(row)
    wanted = layer(x_of(row, 2, 4))[0]

    twin = copied(layer)
    assert_same_layer(row, twin, layer)
    assert repr(twin) == repr(layer)

    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert_same_bits(layer(x_of(row, 2, 4))[0], wanted)


@every_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_layer_in_another_type_answers_and_remembers_in_it(row, dtype):
    layer = layer_of(row, dtype=torch.float32).to(dtype)
    x = x_of(row, 2, 4, dtype=dtype)

    y, state, states = layer(x, lengths=[4, 2], return_states=True)

    assert y.dtype == dtype
    types = {dtype}
    if any(isinstance(module, cells.Mean) for module in layer.modules()):
        types.add(torch.promote_types(dtype, torch.float32))
    assert {slot.dtype for slot in slots((state, states, layer.initial_state(2)))} <= types


@every_layer
def test_functional_call_runs_with_other_weights(row):
    layer, other = layer_of(row, seed=0), layer_of(row, seed=5)
    x = x_of(row, 2, 4)

    y, state = functional_call(layer, other.state_dict(), (x,))

    assert_same_bits(y, other(x)[0])
    assert_same_bits(state, other(x)[1])


@pytest.mark.parametrize("row", [row for row in ROWS if row.learns], ids=lambda row: row.name)
def test_one_optimiser_step_changes_every_weight(row):
    layer = layer_of(row).train()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    before = [weight.detach().clone() for weight in layer.parameters()]

    y, _ = layer(x_of(row, 4, 6))
    mixed(y).backward()
    optimiser.step()

    for weight, old in zip(layer.parameters(), before, strict=True):
        assert not torch.equal(weight, old)


@every_layer
def test_autocast_keeps_the_types_of_the_state(row):
    layer = layer_of(row, dtype=torch.float32)
    x = x_of(row, 2, 4, dtype=torch.float32)

    with torch.autocast("cpu", torch.bfloat16):
        y, state, states = layer(x, lengths=[4, 2], return_states=True)

    assert y.isfinite().all()
    assert {slot.dtype for slot in slots((state, states))} <= {torch.float32}


@every_streaming_layer
def test_under_autocast_stepping_equals_the_sequence_too(row):
    layer = layer_of(row, dtype=torch.float32)
    x = x_of(row, 2, 4, dtype=torch.float32)
    state = layer.initial_state(2)

    with torch.autocast("cpu", torch.bfloat16):
        whole, end = layer(x)
        for t in range(4):
            y, state = layer.step(state, x[:, t])
            assert y.dtype == whole.dtype
            if row.same_bits:
                assert_same_bits(y, whole[:, t])
    assert {slot.dtype for slot in slots(state)} <= {torch.float32}
    if row.same_bits:
        assert_same_bits(state, end)


@every_layer
def test_in_evaluation_the_same_call_gives_the_same_bits(row):
    layer = layer_of(row)
    x = x_of(row, 3, 5)

    assert_same_bits(layer(x)[0], layer(x)[0])


@every_layer
def test_in_training_only_what_promises_noise_is_noisy(row):
    layer = layer_of(row).train()
    x = x_of(row, 3, 5)

    assert torch.equal(layer(x)[0], layer(x)[0]) != row.noisy


@pytest.mark.parametrize("row", [row for row in ROWS if row.noisy], ids=lambda row: row.name)
def test_noise_is_drawn_from_torchs_generator(row):
    layer = layer_of(row).train()
    x = x_of(row, 3, 5)

    def run():
        torch.manual_seed(4)
        return layer(x)[0]

    assert_same_bits(run(), run())


@every_streaming_layer
def test_vmap_maps_over_the_layer(row):
    layer = layer_of(row)
    many = torch.stack([x_of(row, 2, 4, seed=seed) for seed in (1, 2, 3)])

    y = torch.func.vmap(lambda x: layer(x)[0])(many)

    for k, x in enumerate(many):
        assert_close_states(y[k], layer(x)[0])
