"""Gradients through time are those of finite differences."""

import torch
from torch.autograd import gradcheck
from torch.func import functional_call

from recurra.cells.state import map_state
from tests.contracts.drawn import layer_of, slots, state_of, x_of
from tests.contracts.rows import every_layer

LENGTHS = torch.tensor([4, 3])
RESET = torch.tensor([[False, False, True, False], [False, True, False, False]])


@every_layer
def test_gradients_through_lengths_and_resets_pass_gradcheck(row):
    layer = layer_of(row)
    # Not 0 and 1, where the maximum of `Seen` has two sides.
    x = x_of(row, 2, 4) if row.x != "symbols" else torch.rand(2, 4, row.size).double()
    start = state_of(row, layer, 2)
    weights = dict(layer.named_parameters())
    inputs = [x, *slots(start), *(weight.detach() for weight in weights.values())]
    for each in inputs:
        each.requires_grad_(each.is_floating_point())

    def run(x, *rest):
        given = iter(rest)
        state = map_state(lambda slot: next(given), start)
        named = dict(zip(weights, given, strict=True))
        y, end = functional_call(layer, named, (x, state), {"lengths": LENGTHS, "reset": RESET})
        return (y, *slots(end))

    assert gradcheck(run, inputs, fast_mode=True)
