"""Swapping torch's modules in a model that exists already."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close

import recurra as rc
from tests.nn.support import OURS


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.below = nn.GRU(3, 4, batch_first=True)
        self.above = nn.ModuleList([nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)])
        self.shared = self.below
        self.head = nn.Linear(10, 1)

    def forward(self, x, **more):
        y, _ = self.below(x, **more)
        y, _ = self.above[0](y, **more)
        return self.head(y)


class Own(nn.LSTM):
    """Somebody's subclass, which may compute something else."""


def test_every_module_of_torchs_becomes_ours_and_answers_as_before():
    model, x = Model(), torch.randn(2, 5, 3)
    wanted, names = model(x), list(model.state_dict())

    assert rc.accelerate(model) is model

    assert type(model.below) is rc.nn.GRU
    assert model.shared is model.below
    assert type(model.above[0]) is rc.nn.LSTM
    assert_close(model(x), wanted)
    assert list(model.state_dict()) == names


@pytest.mark.parametrize("kind", OURS)
def test_a_recurrent_module_itself_is_swapped_too(kind):
    module = kind(3, 4)
    assert rc.accelerate(module) is module
    assert type(module) is OURS[kind]


def test_a_second_time_changes_nothing():
    model = rc.accelerate(Model())
    before = [type(module) for module in model.modules()]
    rc.accelerate(model)
    assert [type(module) for module in model.modules()] == before


def test_the_weights_stay_the_same_objects_so_an_optimiser_goes_on():
    model = Model()
    before = list(model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rc.accelerate(model)
    assert all(a is b for a, b in zip(model.parameters(), before, strict=True))

    old = model.below.weight_hh_l0.detach().clone()
    done = torch.tensor([[False, True, False]])
    model(torch.randn(1, 3, 3), reset=done).sum().backward()
    optimizer.step()
    assert not torch.equal(model.below.weight_hh_l0, old)


def test_hooks_stay():
    model, seen = Model(), []
    model.below.register_forward_hook(lambda *_: seen.append(1))
    rc.accelerate(model)(torch.randn(2, 5, 3))
    assert seen == [1]


def test_resets_and_ragged_rows_work_afterwards():
    model = rc.accelerate(Model()).double()
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    done = torch.tensor([[False, False, True, False, False, False]])
    wanted = torch.cat([model(x[:, :2]), model(x[:, 2:])], dim=1)
    assert_close(model(x, reset=done), wanted, rtol=0, atol=1e-12)
    assert_close(model(x, lengths=[4])[:, :4], model(x[:, :4]), rtol=0, atol=1e-12)


def test_copies_and_pickles_of_an_accelerated_model_answer_alike():
    model, x = rc.accelerate(Model()), torch.randn(2, 5, 3)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    for twin in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(saved, weights_only=False),
    ):
        assert type(twin.below) is rc.nn.GRU
        assert torch.equal(twin(x, lengths=[5, 2]), model(x, lengths=[5, 2]))


def test_subclasses_and_parametrized_modules_are_left_alone():
    parametrized = parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0")
    model = nn.ModuleList([Own(3, 4), parametrized, nn.LSTMCell(3, 4), nn.RNNCell(3, 4)])
    before = [type(module) for module in model.modules()]
    rc.accelerate(model)
    assert [type(module) for module in model.modules()] == before


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_scripted_modules_are_left_alone():
    scripted = torch.jit.script(nn.LSTM(3, 4))
    before = type(scripted)
    assert type(rc.accelerate(nn.Sequential(scripted))[0]) is before
