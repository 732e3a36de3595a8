"""What is done for all times at once, what in a loop over time, and what training keeps."""

import pytest
import torch
from torch import nn

from recurra import Cell, Recurrent, Stack, cells
from recurra.compiler import trace
from recurra.compiler.adjoint import backward_program, training
from recurra.compiler.plan import lay_out
from recurra.compiler.plan.views import View, reshaped
from recurra.compiler.prepare import prepare
from recurra.engine import _native
from recurra.engine.native import Compiled
from recurra.errors import PlanError
from recurra.program import Builder


def parts_of(program):
    return lay_out(program, _native.op_numbers(), "float32").parts


def products(parts):
    """Of each part its kind, and its products."""
    return [(kind, [w for w in words if w.startswith("product")]) for kind, words in parts]


def step_of(layer):
    return prepare(trace(layer).program)


@pytest.mark.parametrize(
    ("cell", "outputs"),
    [(cells.Elman(3, 8), [8]), (cells.LSTM(3, 8), [32]), (cells.GRU(3, 8), [16, 8])],
)
def test_the_product_with_x_comes_before_the_loop(cell, outputs):
    before, loop = products(parts_of(step_of(Recurrent(cell))))

    assert before == ("all times", [f"product [{size}, 3] onto a sum" for size in outputs])
    assert loop == ("loop", [f"product [{size}, 8] onto a sum" for size in outputs])


class Joined(Cell):
    """Elman's cell with one product of x and h together."""

    input_size = 3

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(11, 8)

    def initial_state(self, batch):
        return self.zeros(batch, 8)

    def update(self, h, x):
        return torch.tanh(self.map(torch.cat([h, x], dim=-1)))

    def output(self, h, x):
        return h


def test_a_product_with_x_and_the_state_together_is_taken_apart():
    assert products(parts_of(step_of(Recurrent(Joined())))) == [
        ("all times", ["product [8, 3] onto a sum"]),
        ("loop", ["product [8, 8] onto a sum"]),
    ]


def test_a_stack_has_a_loop_for_every_layer_and_its_head_comes_after():
    model = Stack(
        Recurrent(cells.LSTM(3, 5)), nn.LayerNorm(5), Recurrent(cells.GRU(5, 4)), nn.Linear(4, 2)
    )

    kinds = [kind for kind, _ in parts_of(step_of(model))]

    assert kinds == ["all times", "loop", "all times", "loop", "all times"]


class Shift(Cell):
    """Answers from this input and the one before: a state on no circle."""

    input_size = 3

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(6, 4)

    def initial_state(self, batch):
        return (self.zeros(batch, 3), self.zeros(batch, 3))

    def update(self, state, x):
        return (x, state[0])

    def output(self, state, x):
        return self.map(torch.cat(state, dim=-1))


def test_what_reads_earlier_inputs_only_is_multiplied_for_all_times():
    found = products(parts_of(step_of(Recurrent(Shift()))))

    assert [words for kind, words in found if kind == "loop"] == [[]]
    assert sum(len(words) for kind, words in found if kind == "all times") == 2


def test_backwards_only_the_gradient_of_the_state_is_in_the_loop():
    step = step_of(Recurrent(cells.LSTM(3, 8)))
    backward = backward_program(step, training(step).kept, frozenset({"x"}))

    found = products(parts_of(backward.program))

    assert found[0] == ("loop", ["product [8, 32]"])
    assert found[1] == ("all times", ["product [3, 32]"])
    *_, (kind, sums) = parts_of(backward.program)
    assert kind == "sums over rows and times"
    assert len(sums) == 3


def sums_with(factor):
    """The sums of a step back through y = w x + b, with another use of the gradient of w."""
    b = Builder()
    x, w = b.input("x", "x", (4,)), b.input("w", "weight", (4,))
    g, h = b.input("y y", "x", (4,)), b.input("bias", "weight", (4,))
    b.output("w", "weight", b.op("mul", g, x if factor == "x" else b.op("exp", x)))
    b.output("bias", "weight", g)
    b.output("y", "y", b.op("mul", w, b.op("add", x, h)))
    *_, (_, sums) = parts_of(b.program())
    return sums


def test_a_gradient_is_summed_from_factors_that_are_there_at_every_time():
    assert "column sum [4] [4] onto w" in sums_with("x")


def test_a_factor_that_nothing_keeps_is_multiplied_first():
    assert "column sum [4] onto w" in sums_with("exp x")


@pytest.mark.parametrize(("cell", "kept"), [(cells.LSTM(3, 8), 6), (cells.GRU(3, 8), 5)])
def test_what_training_keeps_is_a_few_values_a_unit(cell, kept):
    compiled = Compiled(trace(Recurrent(cell)).program, "float32")

    assert compiled.residual_bytes(batch=2, time=5) == 2 * 5 * kept * 8 * 4


@pytest.mark.parametrize(
    ("role", "shape", "kind"), [("x", (2,), "index"), ("state", (), "index"), ("state", (), "bool")]
)
def test_what_the_engine_cannot_hold_is_refused(role, shape, kind):
    builder = Builder()
    given = builder.input("given", role, shape, kind)
    if role == "state":
        builder.output("given", "state", given)
    builder.output("y", "y", builder.constant(1, ()))

    with pytest.raises(PlanError, match=r"the state 'given' holds|one index at a time, not index"):
        Compiled(builder.program(), "float32")


def test_zero_and_negative_zero_are_two_constants():
    builder = Builder()
    x = builder.input("x", "x", (1,))
    signs = [builder.op("div", x, builder.constant(zero, (1,))) for zero in (0.0, -0.0)]
    builder.output("y", "y", builder.op("concat", *signs, axis=0))

    assert sorted(
        map(str, lay_out(builder.program(), _native.op_numbers(), "float32").constants)
    ) == [
        "-0.0",
        "0.0",
    ]


def test_gradients_of_x_that_nobody_wants_are_not_made():
    step = step_of(Recurrent(cells.Elman(3, 8)))
    kept = training(step).kept

    assert "product [3, 8]" in str(parts_of(backward_program(step, kept, frozenset({"x"})).program))
    assert "product [3, 8]" not in str(parts_of(backward_program(step, kept, frozenset()).program))


@pytest.mark.parametrize(
    ("shape", "strides", "new"),
    [
        ((2, 6), (6, 1), (3, 4)),
        ((4, 3), (1, 4), (2, 2, 3)),
        ((1, 5), (0, 1), (5,)),
        ((3,), (2,), (3, 1)),
        ((2, 3), (0, 0), (6,)),
    ],
)
def test_a_view_in_another_shape_finds_the_elements_that_torch_finds(shape, strides, new):
    memory = torch.arange(64.0)
    wanted = memory.as_strided(shape, strides)

    found = reshaped(View(0, 0, shape, strides), new)

    assert found is not None
    assert torch.equal(memory.as_strided(found.shape, found.strides), wanted.reshape(new))
