"""Pairs of torch's modules and ours with the same weights, and what both were called with."""

import itertools

import torch
from torch import nn
from torch.testing import assert_close
from torch.utils._pytree import tree_leaves

import recurra as rc

OURS = {nn.RNN: rc.nn.RNN, nn.LSTM: rc.nn.LSTM, nn.GRU: rc.nn.GRU}

# Every make of module, by name: its class and what else it is built with.
MAKES = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "projected": (nn.LSTM, {"proj_size": 2}),
    "gru": (nn.GRU, {}),
    "gru, no bias": (nn.GRU, {"bias": False}),
    "lstm, no bias": (nn.LSTM, {"bias": False}),
}


def pair(make, **options):
    """Ours and torch's, (3 features, 4 units), float64, with the same random weights."""
    kind, more = MAKES[make]
    theirs = kind(3, 4, **more, **options).double()
    for weight in theirs.parameters():
        nn.init.normal_(weight, std=0.6)
    ours = OURS[kind](3, 4, **more, **options).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def random_state(module, batch):
    """h, or h and c, as leaves that take gradients."""
    x = torch.zeros(1, batch, module.input_size)
    x = x.transpose(0, 1) if module.batch_first else x
    shapes = [module.get_expected_hidden_size(x, None)]
    if isinstance(module, nn.LSTM):
        shapes.append(module.get_expected_cell_size(x, None))
    slots = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    return tuple(slots) if isinstance(module, nn.LSTM) else slots[0]


def random_x(*shape):
    return torch.randn(*shape, 3, dtype=torch.float64, requires_grad=True)


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def gradients(outputs, inputs):
    """Of one random but fixed function of all outputs."""
    make = torch.Generator().manual_seed(1)
    loss = sum(
        (y * torch.randn(y.shape, generator=make, dtype=y.dtype)).sum()
        for y in tensors(outputs)
        if y.is_floating_point()
    )
    return torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)


def assert_same(ours, theirs, got, wanted, inputs):
    """Answers, states and all gradients agree to rounding in float64."""
    exact = {"rtol": 0, "atol": 1e-12}
    assert_close(got, wanted, **exact)
    leaves = tensors(inputs)
    assert_close(
        gradients(got, [*leaves, *ours.parameters()]),
        gradients(wanted, [*leaves, *theirs.parameters()]),
        **exact,
    )


def combinations(**options):
    """Keyword arguments for every combination of the values."""
    return [dict(zip(options, each, strict=True)) for each in itertools.product(*options.values())]
