"""Every layer of the contracts, and its gradient, means the same once it is simplified."""

import pytest
import torch
from torch import nn

import recurra as rc
from recurra.compiler import differentiate, simplify, trace
from recurra.compiler.simplify import REWRITES, RULES
from tests.compiler.simplified import assert_means_the_same, ops_of, zeros_in_concats
from tests.contracts.drawn import layer_of
from tests.contracts.rows import every_streaming_layer


@every_streaming_layer
def test_a_simplified_layer_means_the_same(row):
    program = trace(layer_of(row)).program

    after = assert_means_the_same(program)

    assert simplify(after) == after


@every_streaming_layer
def test_a_simplified_gradient_means_the_same(row):
    program = differentiate(trace(layer_of(row)).program)

    after = assert_means_the_same(program)

    assert len(after.instructions) <= len(program.instructions)
    assert simplify(after) == after


# --- gradients without zeros ----------------------------------------------------------------------


def adjoint_of(cell):
    return differentiate(trace(rc.Recurrent(cell)).program)


@pytest.mark.parametrize(
    "cell",
    [rc.cells.LSTM(3, 4), rc.cells.GRU(3, 4), rc.cells.GRU(3, 4, reset="before")],
    ids=["LSTM", "GRU", "GRU reset=before"],
)
def test_gradients_of_gates_are_put_together_without_zeros(cell):
    before = adjoint_of(cell)
    after = simplify(before)

    assert zeros_in_concats(before) > 0
    assert zeros_in_concats(after) == 0


def test_the_gradient_of_the_gates_of_an_lstm_is_one_concat():
    after = simplify(adjoint_of(rc.cells.LSTM(3, 4)))

    (gates,) = (each for each in after.instructions if each.op == "concat")
    assert len(gates.inputs) == 4
    assert (
        ops_of(after).count("add") == 5
    )  # two in the gates, one in c, and one each towards h and c
    assert ops_of(after).count("matvec") == 4
    assert ops_of(after).count("outer") == 2


class Joined(rc.Cell):
    """One matrix for x and h."""

    def __init__(self):
        super().__init__()
        self.input_size = 3
        self.both = nn.Linear(3 + 4, 4)

    def initial_state(self, batch):
        return self.zeros(batch, 4)

    def update(self, state, x):
        return torch.tanh(self.both(torch.cat([x, state], -1)))

    def output(self, state, x):
        return state


def test_one_matrix_for_x_and_h_leaves_only_h_to_the_loop():
    after = simplify(trace(rc.Recurrent(Joined())).program)

    assert str(after).splitlines()[4:] == [
        "%4 = slice(%2, axis=1, start=0, stop=3) float[4, 3]",
        "%5 = matvec(%4, %0, transposed=False) float[4]",
        "%6 = slice(%2, axis=1, start=3, stop=7) float[4, 4]",
        "%7 = matvec(%6, %1, transposed=False) float[4]",
        "%8 = add(%3, %5) float[4]",
        "%9 = add(%8, %7) float[4]",
        "%10 = tanh(%9) float[4]",
        "y y = %10",
        "state state = %10",
    ]


def test_nor_is_the_gradient_of_x_made_in_the_loop_then():
    after = simplify(adjoint_of(Joined()))

    made = {
        (role, name): after.instructions[value - len(after.inputs)].op
        for name, role, value in after.outputs
    }
    assert made["x", "x"] == made["state", "state"] == "matvec"
    assert "slice" not in ops_of(after)[-2:]


# --- what the checks notice -----------------------------------------------------------------------


def keep_left(b, inputs, attributes):
    concats = [b.made_by("concat", value) for value in inputs]
    return inputs[0] if all(concats) else None


def forget_sign(b, inputs, attributes):
    negated = b.made_by("neg", inputs[1])
    return b.op("add", inputs[0], *negated.inputs) if negated else None


@pytest.mark.parametrize(
    ("op", "wrong"), [("add", keep_left), ("add", forget_sign), ("neg", lambda b, i, a: i[0])]
)
def test_that_check_notices_a_wrong_rule(op, wrong, monkeypatch):
    monkeypatch.setitem(RULES, op, (wrong,))

    with pytest.raises(AssertionError):
        assert_means_the_same(adjoint_of(rc.cells.GRU(3, 4)))


def forget_the_last(c, value, instruction):
    return c.new[instruction.inputs[0]]


def test_that_check_notices_a_sum_that_lost_a_term(monkeypatch):
    monkeypatch.setitem(REWRITES, "add", (forget_the_last,))

    with pytest.raises(AssertionError):
        assert_means_the_same(trace(rc.Recurrent(rc.cells.LSTM(3, 4))).program)
