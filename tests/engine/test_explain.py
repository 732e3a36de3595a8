"""`recurra.explain` says in words which engine runs a layer and what it does; and its threads."""

import pytest
import torch
from torch import nn

import recurra as rc
from tests.engine.test_choice import Cumulated


def test_a_native_layer_is_described_by_the_work_before_and_in_its_loop():
    text = rc.explain(rc.Recurrent(rc.cells.LSTM(3, 8)))

    first, *rest = text.splitlines()
    assert first == "LSTM(input_size=3, hidden_size=8): the native engine."
    before, loop = text.index("product [32, 3]"), text.index("loop")
    assert before < loop < text.index("product [32, 8]")
    assert "bytes a row and step" in rest[-1]


def test_a_layer_in_torch_is_described_by_the_reason():
    assert rc.explain(rc.Recurrent(Cumulated())) == (
        "Cumulated(): torch, one operation after the other.\n"
        "  aten.cummax.default has no counterpart among the ops."
    )


def test_so_is_a_call_that_the_engine_does_not_take():
    layer = rc.Recurrent(rc.cells.GRU(3, 4))

    assert rc.explain(layer, torch.zeros(1, 2, 3)).splitlines()[0].endswith("the native engine.")
    assert rc.explain(layer.bfloat16(), torch.zeros(1, 2, 3).bfloat16()).endswith(
        "the call is in torch.bfloat16, not float32 or float64."
    )
    assert rc.explain(layer).endswith("the call is in torch.bfloat16, not float32 or float64.")
    assert "torch.float64" in rc.explain(layer.float(), torch.zeros(1, 2, 3).double())


def test_a_stack_that_goes_part_by_part_is_described_by_its_parts():
    layer = rc.Stack(
        rc.Bidirectional(rc.cells.GRU(3, 4)), nn.Linear(8, 3), rc.Recurrent(Cumulated())
    )

    lines = rc.explain(layer).splitlines()

    assert lines[0].endswith("part by part, because a part reads each sequence from its end.")
    assert "  Bidirectional(GRU(input_size=3, hidden_size=4)): each direction by itself." in lines
    assert (
        sum(line == "    GRU(input_size=3, hidden_size=4): the native engine." for line in lines)
        == 2
    )
    assert "  Linear: torch, for all times at once." in lines
    assert lines[-2] == "  Cumulated(): torch, one operation after the other."
    assert layer.engine == "torch"


def test_a_layer_that_takes_indices_or_any_features_is_described_too():
    embedded = rc.Stack(nn.Embedding(6, 3), rc.Recurrent(rc.cells.GRU(3, 4)))

    assert "the native engine" in rc.explain(embedded, torch.zeros(1, 2, dtype=torch.long))
    assert "the native engine" in rc.explain(embedded.double())
    assert "the native engine" in rc.explain(rc.Recurrent(rc.cells.Mean(2)).double())


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="explain: layer is a Linear, expected one of recurra's"):
        rc.explain(nn.Linear(3, 4))


def test_threads_are_set_and_said():
    before = rc.get_threads()
    try:
        rc.set_threads(2)
        assert rc.get_threads() == 2
    finally:
        rc.set_threads(before)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None])
def test_a_number_of_threads_that_is_none_is_refused(count):
    with pytest.raises(ValueError, match=f"set_threads: count is {count}, expected a whole number"):
        rc.set_threads(count)
