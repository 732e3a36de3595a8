"""Small models and data that several test files train with."""

import torch
from torch import nn

import recurra as rc


def a_model(features=2, outputs=1, cell=rc.cells.GRU, dropout=0.0, seed=7):
    torch.manual_seed(seed)
    parts = [rc.Recurrent(cell(features, 5)), nn.Dropout(dropout), nn.Linear(5, outputs)]
    return rc.Stack(*parts)


def ragged(lengths=(3, 9, 5, 12, 4, 7), features=2, seed=1):
    """Pairs (x, running mean of the features' sum)."""
    drawn = torch.Generator().manual_seed(seed)
    xs = [torch.randn(length, features, generator=drawn) for length in lengths]
    return [(x, running_mean(x.sum(1))) for x in xs]


def running_mean(values):
    return values.cumsum(0) / torch.arange(1, len(values) + 1)


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
