"""Layers in training, traced, answer as torch does where both are given the same numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import recurra as rc
from recurra.cells.state import named_slots
from recurra.compiler import Draw, differentiate, trace
from recurra.errors import TraceError
from recurra.program import evaluate, run_sequence
from tests.compiler.handed import Handed
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import ROWS as LAYERS

ROWS, TIME = 3, 4
NOISY = [row for row in LAYERS if row.noisy]
every_noisy_layer = pytest.mark.parametrize("row", NOISY, ids=lambda row: row.name)


def numpy_of(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def numbers_for(traced, seed=0):
    """Numbers of each draw's law and span, exact in float32."""
    generator = np.random.default_rng(seed)
    shapes = {g.name: g.type.shape for g in traced.program.inputs if g.role == "draw"}
    made = {}
    for name, (law, span) in traced.draws.items():
        shape = (ROWS, *([TIME] if span == "step" else []), *shapes[name])
        drawn = generator.uniform(size=shape) if law == "uniform" else generator.normal(size=shape)
        made[name] = drawn.astype(np.float32).astype(np.float64)
    return made


def in_eager_order(traced, numbers, row):
    """First what is drawn once a sequence, then step by step; a stack's dropout sees all steps."""
    spans = {name: draw.span for name, draw in traced.draws.items()}
    held = [numbers[name] for name, span in spans.items() if span == "sequence"]
    fresh = [numbers[name] for name, span in spans.items() if span == "step"]
    if not row.is_cell:
        return fresh
    return held + [each[:, t] for t in range(TIME) for each in fresh]


def run_both(row, layer):
    traced = trace(layer, sequence=True)
    numbers = numbers_for(traced)
    x = x_of(row, ROWS, TIME)
    start = state_of(row, layer, ROWS)
    with torch.no_grad(), Handed(in_eager_order(traced, numbers, row)) as handed:
        y, end = layer(x, start)
    assert not handed.waiting
    found, after = run_sequence(
        traced.program, {"x": x.numpy()}, numpy_of(named_slots(start)), numpy_of(traced.weights),
        draws=numbers,
    )  # fmt: skip
    return (found["y"], *after.values()), (y, *named_slots(end).values())


def assert_answers_as_torch(row, layer):
    for ours, theirs in zip(*run_both(row, layer), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@every_noisy_layer
def test_a_noisy_layer_in_training_answers_as_torch_does(row):
    assert_answers_as_torch(row, layer_of(row).train())


@pytest.mark.parametrize("fault", ["another rate", "fresh masks at every step"])
def test_that_check_notices(fault, monkeypatch):
    row = next(row for row in LAYERS if row.name == "VariationalDropout both")
    layer, other = layer_of(row).train(), layer_of(row).train()
    other.cell.recurrent = 0.6
    wrong = trace(other, sequence=True)
    if fault == "fresh masks at every step":
        fresh = {name: Draw("uniform", "step") for name in wrong.draws}
        wrong = trace(layer, sequence=True)._replace(draws=fresh)
    monkeypatch.setattr(f"{__name__}.trace", lambda *_, **__: wrong)

    with pytest.raises(AssertionError):
        assert_answers_as_torch(row, layer)


@every_noisy_layer
def test_in_evaluation_nothing_is_drawn(row):
    traced = trace(layer_of(row), sequence=True)

    assert traced.draws == {}
    assert traced.program == trace(layer_of(row)).program


def test_a_step_by_hand_is_no_sequence_and_holds_no_masks():
    layer = rc.Recurrent(rc.cells.VariationalDropout(rc.cells.GRU(3, 4), input=0.5, recurrent=0.5))

    assert trace(layer).draws == {}
    assert trace(layer, sequence=True).draws == {
        "uniform.0": Draw("uniform", "sequence"),
        "uniform.1": Draw("uniform", "sequence"),
    }


def test_each_draw_says_how_long_it_lasts():
    inside = rc.cells.VariationalDropout(rc.cells.LSTM(3, 4), input=0.5)
    layer = rc.Stack(
        rc.Recurrent(rc.cells.Zoneout(inside, {"c": 0.1})), nn.Dropout(0.5), nn.Linear(4, 1)
    )

    traced = trace(layer, sequence=True)

    shapes = {g.name: g.type.shape for g in traced.program.inputs if g.role == "draw"}
    assert [(*traced.draws[name], shapes[name]) for name in traced.draws] == [
        ("uniform", "sequence", (3,)),
        ("uniform", "step", (4,)),
        ("uniform", "step", (4,)),
    ]


def test_tracing_draws_nothing_itself():
    layer = rc.Stack(rc.Recurrent(rc.cells.Zoneout(rc.cells.GRU(3, 4), 0.5)), nn.Dropout(0.5))
    before = torch.get_rng_state()

    trace(layer, sequence=True)

    assert torch.equal(torch.get_rng_state(), before)


class Noise(rc.Cell):
    """Adds to its state what is handed in."""

    def __init__(self, noise):
        super().__init__()
        self.input_size = 4
        self.place_without_weights()
        self.noise = noise

    def initial_state(self, batch):
        return self.zeros(batch, 4)

    def update(self, state, x):
        return 0.5 * state + x * self.noise(x)

    def output(self, state, x):
        return state


LAWS = {
    "rand_like": torch.rand_like,
    "randn_like": torch.randn_like,
    "bernoulli of each": lambda x: torch.bernoulli(x.sigmoid()),
    "bernoulli_": lambda x: torch.empty_like(x).bernoulli_(0.3),
    "normal_": lambda x: torch.empty_like(x).normal_(1.0, 2.0),
    "exponential_": lambda x: torch.empty_like(x).exponential_(),
    "gumbel softmax": nn.functional.gumbel_softmax,
    "dropout": lambda x: nn.functional.dropout(x, 0.2),
    "alpha dropout": lambda x: nn.functional.alpha_dropout(x, 0.2, training=True),
    "a draw for two units": lambda x: torch.rand_like(x[:, :2]).repeat_interleave(2, -1),
}


@pytest.mark.parametrize("law", LAWS)
def test_every_law_answers_as_torch_does(law):
    row = next(row for row in LAYERS if row.name == "Zoneout")
    row = replace(row, size=4)

    assert_answers_as_torch(row, rc.Recurrent(Noise(LAWS[law])).double())


def test_numbers_that_all_rows_share_are_refused():
    with pytest.raises(TraceError) as error:
        trace(rc.Recurrent(Noise(lambda x: torch.rand(4))))

    assert str(error.value) == (
        "aten.rand.default draws numbers that all rows share. Draw some for every row."
    )


def test_gradients_take_draws_for_constants():
    layer = rc.Recurrent(rc.cells.Zoneout(rc.cells.Elman(3, 4), 0.5)).double()
    traced = trace(layer)
    numbers = {name: values[:, 0] for name, values in numbers_for(traced).items()}
    x = torch.randn(ROWS, 3, dtype=torch.float64, requires_grad=True)
    state = rc.cells.ElmanState(torch.randn(ROWS, 4, dtype=torch.float64))
    g = torch.randn(ROWS, 4, dtype=torch.float64)

    with Handed(numbers.values()):
        layer.step(state, x)[0].backward(g)
    found = evaluate(
        differentiate(traced.program),
        x={"x": x.detach().numpy()}, draw=numbers, state=numpy_of(named_slots(state)),
        weights=numpy_of(traced.weights),
        gradient={"y y": g.numpy(), "state h": np.zeros((ROWS, 4))},
    )  # fmt: skip

    np.testing.assert_allclose(found["x", "x"], x.grad, rtol=1e-12, atol=1e-13)
    assert not [name for role, name in found if role == "draw"]
