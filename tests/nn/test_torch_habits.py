"""What people do with torch's modules works with ours."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

import recurra as rc
from tests.nn.support import OURS, pair, random_state, random_x, tensors

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

makes = pytest.mark.parametrize("make", ["tanh", "relu", "lstm", "projected", "gru"])


def call_with_reset(module, x):
    reset = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    reset[1:3] = True
    return module(x, reset=reset)


@makes
def test_ours_is_torchs_class_and_prints_like_it(make):
    ours, theirs = pair(make, num_layers=2, bidirectional=True, dropout=0.5)
    assert isinstance(ours, type(theirs))
    assert repr(ours) == repr(theirs)


@makes
def test_state_dicts_load_both_ways(make):
    ours, theirs = pair(make, num_layers=2, bidirectional=True)
    back = copy.deepcopy(theirs)
    nn.init.zeros_(back.weight_hh_l0)
    back.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(dict(back.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0)


@makes
def test_copies_answer_alike_and_share_nothing(make):
    ours, _ = pair(make)
    x, saved = random_x(5, 2), io.BytesIO()
    torch.save(ours, saved)
    saved.seek(0)
    wanted = call_with_reset(ours, x)
    twins = [
        copy.deepcopy(ours),
        pickle.loads(pickle.dumps(ours)),
        torch.load(saved, weights_only=False),
    ]
    nn.init.zeros_(ours.weight_hh_l0)
    for twin in twins:
        assert_close(call_with_reset(twin, x), wanted, rtol=0, atol=0)


@makes
def test_conversion_to_another_type_reaches_the_loop(make):
    ours, _ = pair(make)
    y, state = call_with_reset(ours.float(), random_x(5, 2).float())
    assert {tensor.dtype for tensor in tensors((y, state))} == {torch.float32}
    ours.flatten_parameters()
    y, _ = call_with_reset(ours.double(), random_x(5, 2))
    assert y.dtype == torch.float64


@makes
def test_functional_call_runs_with_the_weights_it_is_given(make, engine):
    ours, theirs = pair(make)
    x = random_x(5, 2)
    weights = {name: 2 * weight.detach() for name, weight in ours.named_parameters()}
    got = torch.func.functional_call(ours, weights, (x,))
    again = ours(x)
    assert_close(again, theirs(x), rtol=0, atol=1e-12)
    theirs.load_state_dict(weights)
    assert_close(got, theirs(x), rtol=0, atol=1e-12)


@makes
def test_training_with_resets_lowers_the_loss(make):
    ours, _ = pair(make)
    x = random_x(5, 2).detach()
    wanted = torch.full_like(call_with_reset(ours, x)[0], 0.3).detach()
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        loss = nn.functional.mse_loss(call_with_reset(ours, x)[0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@makes
def test_autocast_to_bfloat16_stays_near_the_full_precision(make):
    ours, _ = pair(make, num_layers=2, bidirectional=True)
    ours, x = ours.float(), random_x(6, 2).float()
    wanted, _ = call_with_reset(ours, x)
    with torch.autocast("cpu", torch.bfloat16):
        y, state = call_with_reset(ours, x)
        ours(x)
    assert {tensor.dtype for tensor in tensors((y, state))} == {torch.float32}
    assert not torch.equal(y, wanted)
    assert_close(y, wanted, rtol=0.1, atol=0.1)


@makes
def test_weights_made_by_hooks_are_used_as_they_are_now(make, engine):
    ours, theirs = pair(make)
    x = random_x(5, 2)
    for module in (ours, theirs):
        prune.l1_unstructured(module, "weight_hh_l0", amount=0.5)
    assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_a_hook_sees_one_call(engine):
    ours, _ = pair("lstm")
    seen = []
    ours.register_forward_hook(lambda *_: seen.append(1))
    ours(random_x(5, 2))
    ours(random_x(5, 2), lengths=[1, 5])
    assert len(seen) == 2


@makes
def test_dropout_of_everything_leaves_the_upper_layer_its_biases(make, engine):
    ours, theirs = pair(make, num_layers=2, bidirectional=True, dropout=1.0)
    x, hx = random_x(5, 2), random_state(ours, 2)
    assert_close(ours(x, hx), theirs(x, hx), rtol=0, atol=1e-12)
    assert_close(ours.eval()(x, hx), theirs.eval()(x, hx), rtol=0, atol=1e-12)


def test_dropout_between_layers_drops_or_doubles_each_value_by_itself():
    layer = rc.nn.RNN(3, 64, num_layers=2, nonlinearity="relu", dropout=0.5, bias=False)
    nn.init.uniform_(layer.weight_ih_l0)
    nn.init.zeros_(layer.weight_hh_l0)
    nn.init.eye_(layer.weight_ih_l1)
    nn.init.zeros_(layer.weight_hh_l1)
    x = torch.rand(20, 4, 3)
    kept = layer.eval()(x)[0]
    seen = call_with_reset(layer.train(), x)[0] / kept

    assert_close(seen, seen.round())
    assert set(seen.round().unique().tolist()) == {0.0, 2.0}
    assert 0.45 < (seen == 0).float().mean() < 0.55
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[:, 0], seen[:, 1])
    assert not torch.equal(call_with_reset(layer, x)[0] / kept, seen)


WRONG_CALLS = {
    "x of one axis": lambda make: (make.new_zeros(3), None),
    "x of four axes": lambda make: (make.new_zeros(1, 5, 2, 3), None),
    "x with other features": lambda make: (make.new_zeros(5, 2, 4), None),
    "x of another type": lambda make: (make.new_zeros(5, 2, 3).float(), None),
    "no steps": lambda make: (make.new_zeros(0, 2, 3), None),
    "a state of one axis less": lambda make: (make.new_zeros(5, 2, 3), make.new_zeros(1, 4)),
    "a state of one axis more": lambda make: (make.new_zeros(5, 3), make.new_zeros(1, 1, 4)),
    "a state of other rows": lambda make: (make.new_zeros(5, 2, 3), make.new_zeros(1, 3, 4)),
    "a state of other units": lambda make: (make.new_zeros(5, 2, 3), make.new_zeros(1, 2, 5)),
}


@pytest.mark.parametrize("mistake", WRONG_CALLS)
@pytest.mark.parametrize("kind", OURS)
def test_a_wrong_call_raises_what_torch_raises(kind, mistake, engine):
    theirs, ours = kind(3, 4).double(), OURS[kind](3, 4).double()
    x, hx = WRONG_CALLS[mistake](torch.zeros(0, dtype=torch.float64))
    hx = (hx, hx) if kind is nn.LSTM and hx is not None else hx
    with pytest.raises((ValueError, RuntimeError)) as wanted:
        theirs(x, hx)

    with pytest.raises(wanted.type) as got:
        ours(x, hx)

    assert str(got.value) == str(wanted.value)


@pytest.mark.parametrize("mistake", sorted(set(WRONG_CALLS) - {"no steps"}))
def test_a_wrong_call_with_resets_raises_what_torch_raises_without(mistake):
    ours = rc.nn.GRU(3, 4).double()
    x, hx = WRONG_CALLS[mistake](torch.zeros(0, dtype=torch.float64))
    with pytest.raises((ValueError, RuntimeError)) as wanted:
        ours(x, hx)
    with pytest.raises(wanted.type) as got:
        ours(x, hx, reset=torch.zeros(x.shape[:-1], dtype=torch.bool))
    assert str(got.value) == str(wanted.value)


@pytest.mark.parametrize("kind", OURS)
def test_packed_rows_with_a_wrong_state_raise_the_same_type_of_error(kind, engine):
    theirs, ours = kind(3, 4), OURS[kind](3, 4)
    packed, hx = pack_padded_sequence(torch.zeros(5, 2, 3), [5, 3]), torch.zeros(1, 2, 5)
    hx = (hx, hx) if kind is nn.LSTM else hx
    for module in (theirs, ours):
        with pytest.raises(RuntimeError):
            module(packed, hx)
