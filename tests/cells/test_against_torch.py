"""Elman, LSTM and GRU agree with torch.nn's cells and layers that hold the same weights."""

from itertools import combinations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from recurra import Recurrent, cells

INPUT, HIDDEN = 3, 4
EXACT = {"rtol": 0, "atol": 1e-12}

FAMILIES = {
    "Elman tanh": (lambda: cells.Elman(INPUT, HIDDEN), nn.RNNCell, nn.RNN, {}),
    "Elman relu": (
        lambda: cells.Elman(INPUT, HIDDEN, nonlinearity="relu"),
        nn.RNNCell,
        nn.RNN,
        {"nonlinearity": "relu"},
    ),
    "LSTM": (lambda: cells.LSTM(INPUT, HIDDEN), nn.LSTMCell, nn.LSTM, {}),
    "GRU": (lambda: cells.GRU(INPUT, HIDDEN), nn.GRUCell, nn.GRU, {}),
}
every_family = pytest.mark.parametrize("family", FAMILIES)


def pair(family, *, sequence):
    """Our cell, and torch's cell or layer with its weights; the bias is shared out between two."""
    make, theirs_cell, theirs_layer, options = FAMILIES[family]
    torch.manual_seed(0)
    ours = make().double()
    kind = {"batch_first": True} if sequence else {}
    theirs = (theirs_layer if sequence else theirs_cell)(INPUT, HIDDEN, **kind, **options).double()
    end = "_l0" if sequence else ""
    share = torch.rand_like(ours.input.bias)
    if family == "GRU":
        share[2 * HIDDEN :] = ours.candidate_bias
    bias = ours.input.bias.detach().clone()
    summed = slice(2 * HIDDEN if family == "GRU" else None)
    bias[summed] -= share[summed]
    named = {
        "weight_ih": ours.input.weight,
        "weight_hh": ours.recurrent.weight,
        "bias_ih": bias,
        "bias_hh": share,
    }
    theirs.load_state_dict({name + end: value for name, value in named.items()})
    return ours, theirs


def random_state(cell, batch):
    state = cell.initial_state(batch)
    return type(state)(*(torch.randn_like(slot) for slot in state))


def as_torchs(state):
    return tuple(state) if len(state) > 1 else state[0]


def as_ours(state):
    return state if isinstance(state, tuple) else (state,)


@every_family
def test_update_matches_torchs_cell(family):
    ours, theirs = pair(family, sequence=False)
    state, x = random_state(ours, 7), torch.randn(7, INPUT).double()

    y, new = ours.step(state, x)

    wanted = as_ours(theirs(x, as_torchs(state)))
    assert_close(tuple(new), wanted, **EXACT)
    assert_close(y, wanted[0], **EXACT)


@every_family
def test_a_sequence_and_its_gradients_match_torchs_layer(family):
    ours, theirs = pair(family, sequence=True)
    state, x = random_state(ours, 5), torch.randn(5, 9, INPUT).double()
    x_ours, x_theirs = x.clone().requires_grad_(), x.clone().requires_grad_()

    y, end = Recurrent(ours)(x_ours, state)
    wanted, wanted_end = theirs(x_theirs, as_torchs(type(state)(*(slot[None] for slot in state))))
    weights = torch.randn_like(y)
    (y * weights).sum().backward()
    (wanted * weights).sum().backward()

    assert_close(y, wanted, **EXACT)
    assert_close(tuple(end), tuple(slot[0] for slot in as_ours(wanted_end)), **EXACT)
    assert_close(x_ours.grad, x_theirs.grad, **EXACT)
    assert_close(ours.input.weight.grad, theirs.weight_ih_l0.grad, **EXACT)
    assert_close(ours.recurrent.weight.grad, theirs.weight_hh_l0.grad, **EXACT)
    assert_close(ours.input.bias.grad, theirs.bias_ih_l0.grad, **EXACT)
    if family == "GRU":
        assert_close(ours.candidate_bias.grad, theirs.bias_hh_l0.grad[2 * HIDDEN :], **EXACT)


BLOCKS = {"LSTM": "ifuo", "GRU": "rzn"}
SWAPS = [(family, *swap) for family, blocks in BLOCKS.items() for swap in combinations(blocks, 2)]


@pytest.mark.parametrize(("family", "one", "other"), SWAPS)
def test_that_oracle_notices_swapped_gates(family, one, other):
    ours, theirs = pair(family, sequence=False)
    state, x = random_state(ours, 7), torch.randn(7, INPUT).double()
    blocks = BLOCKS[family]
    swapped = {one: other, other: one}
    order = [blocks.index(swapped.get(block, block)) for block in blocks]
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.cat([weight.chunk(len(order))[k] for k in order]))

    wanted = as_ours(theirs(x, as_torchs(state)))[0]

    assert not torch.allclose(ours.update(state, x).h, wanted, atol=1e-3)


@every_family
def test_that_oracle_notices_a_transposed_recurrence(family):
    ours, theirs = pair(family, sequence=False)
    state, x = random_state(ours, 7), torch.randn(7, INPUT).double()
    with torch.no_grad():
        for block in theirs.weight_hh.chunk(len(theirs.weight_hh) // HIDDEN):
            block.copy_(block.T.clone())

    wanted = as_ours(theirs(x, as_torchs(state)))[0]

    assert not torch.allclose(ours.update(state, x).h, wanted, atol=1e-3)


@every_family
def test_that_oracle_notices_a_lost_bias(family):
    ours, theirs = pair(family, sequence=False)
    state, x = random_state(ours, 7), torch.randn(7, INPUT).double()
    with torch.no_grad():
        theirs.bias_hh.zero_()

    wanted = as_ours(theirs(x, as_torchs(state)))[0]

    assert not torch.allclose(ours.update(state, x).h, wanted, atol=1e-3)


def test_that_oracle_notices_a_reset_before_the_product():
    ours, theirs = pair("GRU", sequence=False)
    before = cells.GRU(INPUT, HIDDEN, reset="before").double()
    with torch.no_grad():
        before.input.load_state_dict(ours.input.state_dict())
        before.recurrent.weight.copy_(ours.recurrent.weight[: 2 * HIDDEN])
        before.candidate.weight.copy_(ours.recurrent.weight[2 * HIDDEN :])
        ours.candidate_bias.zero_()
        theirs.bias_hh[2 * HIDDEN :] = 0
    state, x = random_state(ours, 7), torch.randn(7, INPUT).double()

    assert_close(ours.update(state, x).h, theirs(x, state.h), **EXACT)
    assert not torch.allclose(before.update(state, x).h, theirs(x, state.h), atol=1e-3)
