"""Calls that torch's modules take too, on every engine of ours."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.testing import assert_close

from tests.nn.support import MAKES, assert_same, combinations, pair, random_state, random_x

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize(
    "options",
    combinations(num_layers=[1, 2], bidirectional=[False, True], batch_first=[False, True]),
)
@pytest.mark.parametrize("make", MAKES)
def test_a_batch_gives_torchs_answers_and_gradients(make, options, with_state, engine):
    ours, theirs = pair(make, **options)
    x = random_x(*((2, 5) if options["batch_first"] else (5, 2)))
    hx = random_state(ours, 2) if with_state else None

    assert_same(ours, theirs, ours(x, hx), theirs(x, hx), (x, hx))


@pytest.mark.parametrize(
    "options", combinations(enforce_sorted=[True, False], batch_first=[False, True])
)
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("make", MAKES)
def test_packed_rows_give_torchs_answers_and_gradients(make, with_state, options, engine):
    batch_first = options["batch_first"]
    ours, theirs = pair(make, num_layers=2, bidirectional=True, batch_first=batch_first)
    lengths = [6, 3, 3, 1] if options["enforce_sorted"] else [3, 6, 1, 3]
    x = random_x(*((4, 6) if batch_first else (6, 4)))
    hx = random_state(ours, 4) if with_state else None

    got, wanted = (
        module(pack_padded_sequence(x, lengths, batch_first, options["enforce_sorted"]), hx)
        for module in (ours, theirs)
    )

    assert isinstance(got[0], PackedSequence)
    assert_same(ours, theirs, got, wanted, (x, hx))
    for mine, its in zip(got[0][1:], wanted[0][1:], strict=True):
        assert (mine is None and its is None) or torch.equal(mine, its)


def test_the_comparison_notices_a_state_of_another_row(force_loop):
    ours, theirs = pair("gru")
    x, hx = random_x(5, 2), random_state(ours, 2)
    with pytest.raises(AssertionError):
        assert_same(ours, theirs, ours(x, hx.flip(1)), theirs(x, hx), (x, hx))


def test_the_comparison_notices_a_state_that_was_not_given(force_loop):
    ours, theirs = pair("lstm")
    x, hx = random_x(5, 2), random_state(ours, 2)
    with pytest.raises(AssertionError):
        assert_close(ours(x)[0], theirs(x, hx)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("gates", [(a, b) for a in range(4) for b in range(a)])
def test_the_comparison_notices_two_swapped_gates(gates, force_loop):
    ours, theirs = pair("lstm")
    x, (a, b) = random_x(5, 2), gates
    blocks = list(ours.weight_ih_l0.detach().clone().chunk(4))
    blocks[a], blocks[b] = blocks[b], blocks[a]
    ours.load_state_dict({**ours.state_dict(), "weight_ih_l0": torch.cat(blocks)})
    with pytest.raises(AssertionError):
        assert_close(ours(x)[0], theirs(x)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("bias", ["bias_ih_l0", "bias_hh_l0", "bias_hh_l1_reverse"])
def test_the_comparison_notices_a_dropped_bias(make, bias, force_loop):
    ours, theirs = pair(make, num_layers=2, bidirectional=True)
    x = random_x(5, 2)
    nn.init.zeros_(getattr(ours, bias))
    with pytest.raises(AssertionError):
        assert_close(ours(x)[0], theirs(x)[0], rtol=0, atol=1e-12)


def test_an_empty_batch_has_no_answers(engine):
    ours, theirs = pair("lstm", batch_first=True)
    x = torch.zeros(0, 5, 3, dtype=torch.float64)
    assert_close(ours(x), theirs(x))
