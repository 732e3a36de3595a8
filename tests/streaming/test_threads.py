"""Threads share one model: whatever each does meanwhile, every answer has the bits it has alone."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from torch import nn

from recurra import Recurrent, Residual, Stack, cells
from recurra.streaming import load
from tests.streaming.made import loaded

THREADS, ROUNDS = 6, 25


@pytest.fixture
def model(tmp_path):
    layer = Stack(
        Recurrent(cells.LSTM(5, 48)), nn.LayerNorm(48), Residual(Recurrent(cells.GRU(48, 48)))
    )
    return loaded(layer, tmp_path)


@pytest.fixture(autouse=True)
def _threads_take_turns_often():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def x_of(k):
    return np.random.default_rng(k).normal(size=(1 + k % 9, 20, 5)).astype(np.float32)


def runs(model, x):
    y, state = model.run(x, lengths=np.arange(len(x)) + 7)
    return [y.tobytes(), *(slot.tobytes() for slot in state.values())]


def steps(model, x):
    answers, state = [], None
    for t in range(x.shape[1]):
        y, state = model.step(state, x[:, t])
        answers.append(y.tobytes())
    return answers


def streams(model, x):
    stream = model.stream()
    return [stream.step(event).tobytes() for event in x[0]] + [stream.snapshot()]


@pytest.mark.parametrize("works", [[runs], [steps], [streams], [runs, steps, streams]])
def test_threads_of_one_model_get_the_bits_they_get_alone(model, works):
    jobs = [(works[k % len(works)], x_of(k)) for k in range(THREADS)]
    wanted = [work(model, x) for work, x in jobs]
    start = Barrier(THREADS)

    def again_and_again(k):
        work, x = jobs[k]
        start.wait()
        return all(work(model, x) == wanted[k] for _ in range(ROUNDS))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(again_and_again, range(THREADS)))


def test_the_first_calls_of_a_model_may_come_from_many_threads_at_once(tmp_path, model):
    wanted, x = runs(model, x_of(3)), x_of(3)
    for _ in range(10):
        fresh, start = loaded_again(tmp_path), Barrier(THREADS)

        def call(_, fresh=fresh, start=start):
            start.wait()
            return runs(fresh, x)

        with ThreadPoolExecutor(THREADS) as pool:
            assert all(got == wanted for got in pool.map(call, range(THREADS)))


def loaded_again(folder):
    return load(folder / "model.recurra")


def test_that_comparison_notices_a_model_that_threads_change(model):
    """What would happen if a call left its state in the model."""
    kept = {}

    def forgets_to_copy(model, x):
        y, kept["state"] = model.run(x, kept.get("state"))
        return y.tobytes()

    x = x_of(0)
    with ThreadPoolExecutor(2) as pool:
        got = set(pool.map(lambda _: forgets_to_copy(model, x), range(20)))

    assert len(got) > 1
