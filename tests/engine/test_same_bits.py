"""The same bits on any instruction set, on any number of threads, in any batch, in any chunks, in
training and out of it; for every cell and option, and for sizes that fit no vector."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from recurra import Recurrent, Stack, cells
from recurra.compiler import split_once, trace
from recurra.engine import _native
from recurra.engine.native import Compiled
from recurra.program import evaluate
from tests.contracts.rows import ROWS
from tests.engine.direct import Given, compiled_of, drawn, rows_of, run

ISAS = _native.supported_isas()
TRACEABLE = [row for row in ROWS if row.streams]


@functools.cache
def programs(name):
    torch.manual_seed(0)
    layer = next(row for row in ROWS if row.name == name).make().eval()
    _, step = split_once(trace(layer).program)
    return {isa: compiled_of(step, "float32", isa) for isa in ISAS}


def masked(given_, seed, *, lengths, reset):
    batch, time = given_.x.shape[:2]
    draw = np.random.default_rng(seed)
    return given_._replace(
        lengths=draw.integers(0, time + 1, batch) if lengths else None,
        reset=draw.random((batch, time)) < 0.2 if reset else None,
    )


@pytest.mark.parametrize("row", TRACEABLE, ids=lambda row: row.name)
@settings(max_examples=5)
@given(
    batch=st.integers(1, 20),
    time=st.integers(1, 12),
    lengths=st.booleans(),
    reset=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_every_cell_has_the_same_bits_on_all_instruction_sets_and_threads(
    row, batch, time, lengths, reset, seed
):
    best = programs(row.name)[ISAS[-1]]
    on = masked(drawn(best, batch, time, seed), seed, lengths=lengths, reset=reset)
    wanted = run(best, on, train=True)

    assert run(best, on).bits() == wanted.bits()[: 1 + len(wanted.finals)]
    assert run(best, on, threads=2, train=True).bits() == wanted.bits()
    for isa in ISAS[:-1]:
        assert run(programs(row.name)[isa], on, train=True).bits() == wanted.bits()


class NormedLSTM(cells.LSTM):
    """An LSTM whose gates' drive is normalised."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.norm = nn.LayerNorm(4 * hidden_size)

    def _drive(self, state, x):
        return self.norm(super()._drive(state, x))


SIZED = {
    "LSTM": lambda inputs, units: Recurrent(cells.LSTM(inputs, units)),
    "GRU": lambda inputs, units: Recurrent(cells.GRU(inputs, units)),
    "GRU reset=before": lambda inputs, units: Recurrent(cells.GRU(inputs, units, reset="before")),
    "Elman": lambda inputs, units: Recurrent(cells.Elman(inputs, units)),
    "normed LSTM": lambda inputs, units: Recurrent(NormedLSTM(inputs, units)),
    "two layers": lambda inputs, units: Stack(
        Recurrent(cells.GRU(inputs, units)), Recurrent(cells.Elman(units, inputs))
    ),
}


def joined(one, other):
    return np.concatenate([one.y, other.y], axis=1)


@pytest.mark.parametrize("name", SIZED)
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_any_size_has_the_same_bits_whole_in_chunks_alone_and_on_threads(name, data):
    inputs, units = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    batch, time = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 9))
    program = trace(SIZED[name](inputs, units)).program
    compiled = compiled_of(program, dtype)
    on = drawn(compiled, batch, time, seed=units)
    whole = run(compiled, on)

    cut = data.draw(st.integers(0, time))
    first = run(compiled, on._replace(x=on.x[:, :cut].copy()))
    rest = run(compiled, Given(on.x[:, cut:].copy(), first.finals, on.weights))
    assert joined(first, rest).tobytes() == whole.y.tobytes()
    assert rest.bits()[1:] == whole.bits()[1:]

    row = data.draw(st.integers(0, batch - 1))
    alone = run(compiled, rows_of(on, [row]))
    assert alone.y.tobytes() == whole.y[row].tobytes()
    assert [each.tobytes() for each in alone.finals] == [
        each[row].tobytes() for each in whole.finals
    ]

    isa = data.draw(st.sampled_from(ISAS))
    assert run(compiled_of(program, dtype, isa), on, threads=2).bits() == whole.bits()


def test_the_callers_floating_point_mode_changes_nothing_and_stays():
    compiled = compiled_of(trace(Recurrent(cells.LSTM(5, 7))).program, "float32")
    on = drawn(compiled, 3, 20)
    on = on._replace(x=on.x * np.float32(1e-39))  # subnormal
    wanted = run(compiled, on, train=True)

    torch.set_flush_denormal(True)
    try:
        got = run(compiled, on, train=True)
        still_flushes = (torch.tensor([1e-39]) * 1).item() == 0
    finally:
        torch.set_flush_denormal(False)

    assert got.bits() == wanted.bits()
    assert still_flushes


def test_values_that_are_not_finite_stay_in_their_row_in_training_too():
    compiled = compiled_of(trace(Recurrent(cells.GRU(5, 19))).program, "float32")
    on = drawn(compiled, 6, 8)
    wanted = run(compiled, on, train=True)
    x = on.x.copy()
    x[2, 3, 0], x[4, 0, 1] = np.nan, np.inf

    got = run(compiled, on._replace(x=x), train=True)

    for row in (0, 1, 3, 5):
        for a, b in zip(
            got[:1] + tuple(got.finals), wanted[:1] + tuple(wanted.finals), strict=True
        ):
            assert a[row].tobytes() == b[row].tobytes()
        assert got.gradients[0][row].tobytes() == wanted.gradients[0][row].tobytes()
    assert np.isnan(got.y[2, 3:]).any()


def test_the_engine_agrees_with_the_float64_reference():
    for name, make in SIZED.items():
        program = trace(make(9, 21)).program
        compiled = Compiled(program, "float64")
        on = drawn(compiled, 4, 1)
        (answer,) = compiled.ys
        named = {each.name: array for each, array in zip(compiled.states, on.states, strict=True)}
        weights = {
            each.name: array for each, array in zip(compiled.weights, on.weights, strict=True)
        }

        wanted = evaluate(program, x={"x": on.x[:, 0]}, state=named, weights=weights)

        np.testing.assert_allclose(
            run(compiled, on).y[:, 0], wanted["y", answer.name], rtol=0, atol=1e-12, err_msg=name
        )


def test_that_comparison_of_bits_notices_the_last_bits_of_weights():
    compiled = compiled_of(trace(Recurrent(cells.Elman(5, 7))).program, "float32")
    on = drawn(compiled, 2, 3)
    other = [np.nextafter(weight, np.float32(9)) for weight in on.weights]

    assert run(compiled, on._replace(weights=other)).bits() != run(compiled, on).bits()
