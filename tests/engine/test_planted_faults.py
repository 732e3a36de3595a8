"""Faults planted in a step, or in the engine's hands, are noticed by the comparison with torch."""

import numpy as np
import pytest
import torch
from torch import nn

from recurra import Recurrent, cells
from recurra.cells.state import named_slots, same_structure
from recurra.compiler import trace
from recurra.engine.native import Compiled
from recurra.program import Program
from tests.engine.direct import drawn, run, weighting

BATCH, TIME = 3, 6
RESET = np.zeros((BATCH, TIME), bool)
RESET[0, 3] = RESET[2, 1] = RESET[2, 2] = True


class FromQuarter(cells.LSTM):
    """An LSTM whose H_0 is 0.25 everywhere, where resets go."""

    def initial_state(self, batch):
        start = super().initial_state(batch)
        return cells.LSTMState(h=start.h + 0.25, c=start.c + 0.25)


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    layer = Recurrent(FromQuarter(4, 5)).double()
    for weight in layer.parameters():
        nn.init.normal_(weight)
    traced = trace(layer)
    compiled = Compiled(traced.program, "float64")
    on = drawn(compiled, BATCH, TIME)
    weights = [traced.weights[each.name].detach().numpy() for each in compiled.weights]
    on = on._replace(weights=weights, reset=RESET)
    return traced.program, on, by_torch(layer, traced, on)


def by_torch(layer, traced, on):
    """Answers and gradients of torch's own operations."""
    layer.use_engine("torch")
    x = torch.tensor(on.x, requires_grad=True)
    state = cells.LSTMState(*(torch.tensor(each, requires_grad=True) for each in on.states))
    assert same_structure(state, layer.initial_state(1))
    y, end = layer(x, state, reset=torch.tensor(on.reset))
    total = (y * torch.tensor(weighting(y.detach().numpy()))).sum()
    total = total + sum(0.5 * slot.sum() for slot in named_slots(end).values())
    inputs = [x, *state, *traced.weights.values()]
    return [y.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(total, inputs))]


def agrees(compiled, on, wanted):
    found = run(compiled, on, train=True)
    return all(
        np.allclose(got, expected, rtol=0, atol=1e-10)
        for got, expected in zip([found.y, *found.gradients], wanted, strict=True)
    )


def test_the_engine_agrees_with_torch(case):
    program, on, wanted = case

    assert agrees(Compiled(program, "float64"), on, wanted)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_that_comparison_notices_swapped_gates(case, pair):
    program, on, wanted = case
    places = [k for k, each in enumerate(program.instructions) if each.op == "slice"]
    swapped = list(program.instructions)
    one, other = (places[k] for k in pair)
    swapped[one], swapped[other] = swapped[other], swapped[one]

    faulty = Compiled(Program(program.inputs, tuple(swapped), program.outputs), "float64")

    assert not agrees(faulty, on, wanted)


def test_that_comparison_notices_an_output_before_the_update(case):
    program, on, wanted = case
    old = next(k for k, each in enumerate(program.inputs) if each[:2] == ("h", "state"))
    outputs = tuple(o._replace(value=old) if o.role == "y" else o for o in program.outputs)

    faulty = Compiled(Program(program.inputs, program.instructions, outputs), "float64")

    assert not agrees(faulty, on, wanted)


@pytest.mark.parametrize("flag", np.argwhere(RESET).tolist())
def test_that_comparison_notices_a_lost_reset(case, flag):
    program, on, wanted = case
    fewer = RESET.copy()
    fewer[tuple(flag)] = False

    assert not agrees(Compiled(program, "float64"), on._replace(reset=fewer), wanted)


@pytest.mark.parametrize("place", range(5))
def test_that_comparison_notices_a_kept_value_of_the_wrong_step(case, place, monkeypatch):
    program, on, wanted = case
    compiled = Compiled(program, "float64")
    true_lines = compiled._kept_lines
    calls = []

    def one_step_off(call):
        lines = true_lines(call)
        calls.append(call)
        if len(calls) == 2:  # the backward run
            address, rows, times, inner = lines[place]
            lines[place] = (address + 8 * times, rows, times, inner)
        return lines

    monkeypatch.setattr(compiled, "_kept_lines", one_step_off)

    assert not agrees(compiled, on, wanted)
    assert len(calls) == 2
