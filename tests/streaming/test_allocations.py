"""A batch of known keys asks for the memory of its answers and for no more, however large it is."""

import os
import subprocess
import sys

import pytest
from torch import nn

from recurra import Recurrent, Stack, cells
from recurra.streaming import save
from tests.engine.test_allocations import COUNTER, ROOT

pytestmark = pytest.mark.skipif(not COUNTER.exists(), reason="`make native` builds the counter")

STREAMS = """
import ctypes, gc, sys
import numpy as np
import recurra

counter = ctypes.CDLL(sys.argv[1])
counter.recurra_allocations.restype = ctypes.c_long
gc.disable()

def allocations_of(work, *arguments):
    before = counter.recurra_allocations()
    kept = work(*arguments)
    return counter.recurra_allocations() - before

draw = np.random.default_rng(0)
streams = recurra.load(sys.argv[2]).streams(max_keys=5000, ttl=1e9)
xs = draw.normal(size=(5000, 3)).astype(np.float32)
streams.step(np.arange(5000), xs)

def allocations_of_steps(keys):
    for _ in range(3):
        streams.step(keys, xs[:len(keys)])
    return [allocations_of(streams.step, keys, xs[:len(keys)]) for _ in range(3)]
"""


@pytest.fixture
def printed_by(tmp_path):
    save(Stack(Recurrent(cells.LSTM(3, 40)), nn.Linear(40, 40)), tmp_path / "m")

    def run(code):
        done = subprocess.run(
            [sys.executable, "-c", STREAMS + code, str(COUNTER), str(tmp_path / "m")],
            env={**os.environ, "LD_PRELOAD": str(COUNTER)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(number) for number in done.stdout.split()]

    return run


def test_a_batch_of_known_keys_allocates_its_answers_alone(printed_by):
    counts = printed_by(
        "for size in (20, 256, 4000):\n"
        "    print(*allocations_of_steps(draw.permutation(5000)[:size]))"
    )

    assert max(counts) <= 1


def test_so_does_one_in_which_keys_come_again_and_again(printed_by):
    assert max(printed_by("print(*allocations_of_steps(draw.integers(0, 9, 256)))")) <= 1


def test_one_event_a_call_allocates_nothing(printed_by):
    """Its answer fits what numpy keeps at hand."""
    assert printed_by("print(*allocations_of_steps(np.arange(1)))") == [0, 0, 0]


def test_that_counter_counts_here_too(printed_by):
    """New keys need room."""
    code = "print(allocations_of(streams.step, np.arange(5000, 10_000), xs))"

    assert printed_by(code)[0] > 1
