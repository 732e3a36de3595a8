"""Programs replayed in torch answer as the layers they came from."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import recurra as rc
from recurra.cells.state import named_slots
from recurra.compiler import trace
from recurra.engine.memory import Run
from recurra.engine.replay import MEANINGS, replay
from recurra.layers.scan import flip_time
from recurra.program import OPS
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import every_streaming_layer
from tests.engine.made import LENGTHS, RESET, case_of


@pytest.fixture(autouse=True)
def _layers_run_in_torch(monkeypatch):
    monkeypatch.setattr(rc.layers.Layer, "_engine", "torch")


def test_every_op_has_a_meaning_in_torch():
    assert MEANINGS.keys() == OPS.keys()


@every_streaming_layer
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("reset", [None, RESET])
def test_a_replayed_program_answers_as_its_layer(row, lengths, reset):
    layer = layer_of(row)
    program, weights, _ = trace(layer)
    x, state = x_of(row, 3, 5), state_of(row, layer, 3)
    start = [] if reset is None else list(named_slots(layer.initial_state(3)).values())
    wanted, end = layer(x, state, lengths=lengths, reset=reset)

    inputs = [x, *named_slots(state).values(), *(w.to(torch.float64) for w in weights.values())]
    (y,), states = replay(program, Run(inputs, start, lengths, reset))

    assert_close(y, wanted, rtol=0, atol=1e-12)
    assert_close(states, list(named_slots(end).values()), rtol=0, atol=1e-12)


def test_backwards_is_forwards_on_reversed_rows():
    case = case_of(rc.Recurrent(rc.cells.GRU(3, 4)).double(), lengths=LENGTHS, backwards=True)
    x, *others = case.run.inputs

    (y,), (h,) = replay(case.program, case.run)
    turned = case.run._replace(inputs=[flip_time(x, LENGTHS), *others], backwards=False)
    (wanted,), (end,) = replay(case.program, turned)

    assert_close(y, flip_time(wanted, LENGTHS), rtol=0, atol=0)
    assert_close(h, end, rtol=0, atol=0)


def test_nothing_past_the_lengths_is_looked_at():
    case = case_of(rc.Recurrent(rc.cells.GRU(3, 4)).double(), lengths=LENGTHS)
    dirty = case.run.inputs[0].detach().clone()
    dirty[0, 5:], dirty[1], dirty[2, 3:] = np.nan, np.nan, np.inf

    (y,), _ = replay(case.program, case.run._replace(inputs=[dirty, *case.run.inputs[1:]]))

    assert_close(y, replay(case.program, case.run)[0][0], rtol=0, atol=0)
