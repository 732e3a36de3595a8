"""A loaded model answers with the same bits however its events come: whole, in chunks, step by
step, alone or in any batch, and on every instruction set."""

import functools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from recurra import Cell, Recurrent, Residual, Stack, cells
from recurra.engine import _native
from recurra.streaming import load, save
from tests.contracts.homemade import FastWeights

MODELS = {
    "LSTM": lambda: Recurrent(cells.LSTM(5, 17)),
    "GRU": lambda: Recurrent(cells.GRU(5, 33)),
    "Elman": lambda: Recurrent(cells.Elman(5, 3)),
    "a matrix": lambda: Recurrent(FastWeights(5, 6)),
    "a stack": lambda: Stack(
        nn.Linear(5, 7),
        Recurrent(cells.LSTM(7, 19)),
        nn.LayerNorm(19),
        Residual(Recurrent(cells.GRU(19, 19))),
        Recurrent(cells.InitialState(cells.Elman(19, 4), learned=True)),
        nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=-1)),
    ),
}


def made(name):
    torch.manual_seed(3)
    layer = MODELS[name]().eval()
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    return layer


@functools.cache
def model_of(name, dtype):
    with tempfile.TemporaryDirectory() as folder:
        save(made(name).to(dtype), Path(folder) / "m")
        return load(Path(folder) / "m")


def drawn_x(data, model, batch, time):
    seed = data.draw(st.integers(0, 2**32 - 1))
    x = np.random.default_rng(seed).normal(scale=3, size=(batch, time, 5))
    return x.astype(model.dtype)


def bits(state):
    return {name: slot.tobytes() for name, slot in state.items()}


def row_of(state, row):
    return {name: slot[row] for name, slot in state.items()}


every_model = pytest.mark.parametrize("name", MODELS)
every_type = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@every_model
@every_type
@given(st.data())
def test_whole_in_chunks_and_step_by_step_are_the_same_bits(name, dtype, data):
    model = model_of(name, dtype)
    batch, time = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 30))
    x = drawn_x(data, model, batch, time)
    whole, end = model.run(x)

    cut = data.draw(st.integers(0, time))
    first, state = model.run(x[:, :cut])
    rest, state = model.run(x[:, cut:], state)
    stepped, after = [], None
    for t in range(time):
        y, after = model.step(after, x[:, t])
        stepped.append(y)

    assert np.concatenate([first, rest], 1).tobytes() == whole.tobytes()
    assert np.stack(stepped, 1).tobytes() == whole.tobytes()
    assert bits(state) == bits(after) == bits(end)


@every_model
@every_type
@given(st.data())
def test_a_row_of_any_batch_is_that_row_as_a_stream(name, dtype, data):
    model = model_of(name, dtype)
    batch, time = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 12))
    x = drawn_x(data, model, batch, time)
    lengths = data.draw(st.lists(st.integers(0, time), min_size=batch, max_size=batch))
    flags = data.draw(st.sets(st.tuples(st.integers(0, batch - 1), st.integers(0, time - 1))))
    reset = np.zeros((batch, time), bool)
    for flag in flags:
        reset[flag] = True
    y, end = model.run(x, lengths=lengths, reset=reset)

    row = data.draw(st.integers(0, batch - 1))
    stream, answers = model.stream(), []
    for t in range(lengths[row]):
        if reset[row, t]:
            stream.reset()
        answers.append(stream.step(x[row, t]))

    assert b"".join(answer.tobytes() for answer in answers) == y[row, : lengths[row]].tobytes()
    assert not y[row, lengths[row] :].any()
    assert bits(stream.state) == bits(row_of(end, row))


class CrossedState(NamedTuple):
    one: Tensor
    other: Tensor


class Crossed(Cell[CrossedState]):
    """Two states, each made from the other: one product writes what the one before it reads."""

    def __init__(self, input_size, size):
        super().__init__()
        self.input_size, self.size = input_size, size
        self.of_other, self.of_one = nn.Linear(size, size), nn.Linear(size, size)
        self.of_x = nn.Linear(input_size, size)

    def config(self):
        return {"input_size": self.input_size, "size": self.size}

    def initial_state(self, batch):
        return CrossedState(self.zeros(batch, self.size), self.zeros(batch, self.size))

    def update(self, state, x):
        return CrossedState(self.of_other(state.other) + self.of_x(x), self.of_one(state.one))

    def output(self, state, x):
        return state.one + state.other


class Through(Crossed):
    """One product multiplies what the one before it writes, and a third one waits for neither."""

    def update(self, state, x):
        return CrossedState(self.of_other(self.of_one(state.one)), self.of_x(x) + state.other)


class Long(Crossed):
    """A sum of more products than go through a panel together."""

    def __init__(self, input_size, size):
        super().__init__(input_size, size)
        self.more = nn.ModuleList(nn.Linear(size, size, bias=False) for _ in range(4))

    def update(self, state, x):
        one, other = state
        total = self.of_x(x) + self.of_one(one) + self.of_other(other)
        for k, each in enumerate(self.more):
            total = total + each((one, other)[k % 2])
        return CrossedState(torch.tanh(total), one)


@pytest.mark.parametrize(
    "cell", [cells.LSTM, cells.GRU, Crossed, Through, Long], ids=lambda cell: cell.__name__
)
def test_weights_beyond_the_second_level_cache_answer_alike(cell, tmp_path):
    save(Recurrent(cell(5, 340)), tmp_path / "m")
    model = load(tmp_path / "m", cells=(Crossed, Through, Long))
    x = np.random.default_rng(4).normal(size=(3, 7, 5)).astype(np.float32)

    whole, end = model.run(x)
    stream = model.stream()

    assert np.stack([stream.step(event) for event in x[0]]).tobytes() == whole[0].tobytes()
    assert bits(stream.state) == bits(row_of(end, 0))


@every_model
def test_steps_in_one_call_are_the_bits_of_single_ones(name):
    model = model_of(name, torch.float32)
    xs = np.random.default_rng(1).normal(size=(5000, 5)).astype(np.float32)
    one, other = model.stream(), model.stream()

    assert one.steps(xs).tobytes() == np.stack([other.step(x) for x in xs]).tobytes()
    assert bits(one.state) == bits(other.state)


@every_model
def test_values_that_are_not_finite_stay_in_their_row(name):
    model = model_of(name, torch.float32)
    x = np.random.default_rng(2).normal(size=(4, 6, 5)).astype(np.float32)
    wanted, _ = model.run(x)

    x[1, 2, 3], x[2, 0, 0] = np.nan, np.inf
    got, _ = model.run(x)

    for row in (0, 3):
        assert got[row].tobytes() == wanted[row].tobytes()
    assert np.isnan(got[1, 2:]).any()
    assert got[1, :2].tobytes() == wanted[1, :2].tobytes()


DIGEST = """
import hashlib, sys, numpy, recurra
model = recurra.load(sys.argv[1])
x = numpy.random.default_rng(0).normal(size=(7, 40, 5)).astype(numpy.float32)
y, state = model.run(x)
print(hashlib.sha256(y.tobytes() + b"".join(s.tobytes() for s in state.values())).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits(tmp_path, monkeypatch):
    save(made("a stack"), tmp_path / "m")
    digests = set()
    for isa in _native.supported_isas():
        monkeypatch.setenv("RECURRA_ISA", isa)
        command = [sys.executable, "-c", DIGEST, str(tmp_path / "m")]
        digests.add(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert len(digests) == 1


def test_that_comparison_notices_the_last_bit():
    model = model_of("LSTM", torch.float32)
    x = np.ones((1, 3, 5), np.float32)
    wanted = model.run(x)[0].tobytes()

    x[0, 0, 0] = np.nextafter(x[0, 0, 0], np.float32(2))

    assert model.run(x)[0].tobytes() != wanted
