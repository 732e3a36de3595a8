"""Layers inside torch's compiled and exported graphs."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.export import Dim
from torch.testing import assert_close

import recurra as rc
from tests.engine.made import gradients

LENGTHS = torch.tensor([5, 3])
RESET = torch.tensor([[False, False, True, False, False], [True, False, False, True, False]])
LAYERS = {
    "LSTM": lambda: rc.Recurrent(rc.cells.LSTM(3, 4)),
    "Stack": lambda: rc.Stack(
        rc.Recurrent(rc.cells.LSTM(3, 4)), nn.Linear(4, 5), rc.Recurrent(rc.cells.GRU(5, 4))
    ),
    "Bidirectional": lambda: rc.Bidirectional(rc.cells.GRU(3, 4)),
    "Embedding": lambda: rc.Stack(nn.Embedding(6, 3), rc.Recurrent(rc.cells.GRU(3, 4))),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@pytest.fixture(autouse=True)
def _compiled_afresh():
    torch.manual_seed(0)
    torch.compiler.reset()


def x_for(layer, batch=2, time=5):
    embeds = isinstance(layer, rc.Stack) and isinstance(layer.parts[0], nn.Embedding)
    return torch.randint(6, (batch, time)) if embeds else torch.randn(batch, time, 3)


def compiled(layer):
    return torch.compile(layer, fullgraph=True, backend="aot_eager")


def assert_same_call(layer, other, *arguments, **options):
    weights = list(layer.parameters())
    wanted, _ = layer(*arguments, **options)
    made, _ = other(*arguments, **options)

    assert_close(made, wanted, rtol=0, atol=0)
    assert_close(gradients([made], weights), gradients([wanted], weights), rtol=0, atol=1e-6)


@every_layer
def test_a_compiled_layer_is_one_graph_with_the_same_answers_and_gradients(make):
    layer = make()

    assert_same_call(layer, compiled(make_again(layer, make)), x_for(layer))


def make_again(layer, make):
    """A twin that has never run, which shares its weights."""
    twin = make()
    for (name, weight), _ in zip(layer.named_parameters(), twin.named_parameters(), strict=True):
        owner, _, last = name.rpartition(".")
        setattr(twin.get_submodule(owner), last, weight)
    return twin


def test_a_drop_in_too_where_the_compiler_is_told_to_look_into_torchs_classes():
    make = partial(rc.nn.LSTM, 3, 4, num_layers=2, bidirectional=True, batch_first=True)
    layer = make()

    with torch._dynamo.config.patch(allow_rnn=True):
        assert_same_call(layer, compiled(make_again(layer, make)), torch.randn(2, 5, 3))


def test_so_it_is_with_lengths_resets_a_state_and_all_states():
    layer = LAYERS["LSTM"]()
    x, state = x_for(layer), layer.initial_state(2)
    options = {"lengths": LENGTHS, "reset": RESET, "return_states": True}

    made, wanted = compiled(layer)(x, state, **options), layer(x, state, **options)

    assert_close(made, wanted, rtol=0, atol=0)


def test_another_number_of_rows_or_times_needs_no_other_layer():
    layer = LAYERS["LSTM"]()
    other = compiled(layer)

    for batch, time in ((2, 5), (3, 7), (4, 9), (6, 1)):
        assert_same_call(layer, other, x_for(layer, batch, time))


def test_a_noisy_layer_is_compiled_in_both_modes():
    layer = rc.Recurrent(rc.cells.Zoneout(rc.cells.LSTM(3, 4), 0.5))
    other, x = compiled(layer), torch.randn(2, 5, 3)

    assert not torch.equal(other(x)[0], other(x)[0])
    layer.eval()
    assert torch.equal(other(x)[0], layer(x)[0])


def test_a_larger_model_is_compiled_whole():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = LAYERS["LSTM"]()
            self.head = nn.Linear(4, 1)

        def forward(self, x):
            y, _ = self.layer(x.tanh())
            return self.head(y.relu()), ()

    model = Model()

    assert_same_call(model, compiled(model), torch.randn(2, 5, 3))


class Answers(nn.Module):
    """A layer without its state, which torch.export cannot write down."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def operations(exported):
    return [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("ran_before", [False, True])
@pytest.mark.parametrize("name", ["LSTM", "Stack"])
def test_an_exported_layer_holds_one_operation(name, ran_before):
    layer = LAYERS[name]()
    x = x_for(layer)
    if ran_before:
        layer(x)

    exported = torch.export.export(Answers(layer), (x,))

    assert operations(exported).count("recurra.sequence.default") == 1
    assert not any(each.startswith(("aten.mm", "aten.tanh")) for each in operations(exported))
    assert_close(exported.module()(x), layer(x)[0], rtol=0, atol=0)


def test_an_exported_layer_takes_any_number_of_rows_and_times_and_is_saved(tmp_path):
    layer = LAYERS["LSTM"]().requires_grad_(False)
    shapes = ({0: Dim("batch"), 1: Dim("time")},)
    exported = torch.export.export(Answers(layer), (x_for(layer),), dynamic_shapes=shapes)
    torch.export.save(exported, tmp_path / "layer.pt2")

    loaded = torch.export.load(tmp_path / "layer.pt2").module()

    x = x_for(layer, 4, 9)
    assert_close(loaded(x), layer(x)[0], rtol=0, atol=0)
