"""A step in the engine asks for no memory: counted by a library that stands in front of malloc."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTER = ROOT / "build" / "native" / "native" / "tests" / "liballocation_counter.so"

pytestmark = pytest.mark.skipif(not COUNTER.exists(), reason="`make native` builds the counter")

STEPPER = """
import ctypes, sys
import numpy as np
from tests.program.made import lstm
from recurra.engine import _native
from recurra.engine.native import make_plan

counter = ctypes.CDLL(sys.argv[1])
counter.recurra_allocations.restype = ctypes.c_long

def allocations_of(work, *arguments):
    before = counter.recurra_allocations()
    work(*arguments)
    return counter.recurra_allocations() - before

random = np.random.default_rng(0)
program = lstm(7, 45)
plan, _ = make_plan(program, "float32")
shapes = [each.type.shape for each in program.inputs if each.role == "weight"]
weights = [random.standard_normal(np.prod(shape)).astype("float32") for shape in shapes]
packed = _native.Weights32(plan, weights)
stepper = _native.Stepper32(plan, packed, 3)
allocations_of(stepper.repeat, 1, 3)
"""


def printed_by(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", STEPPER + code, str(COUNTER)],
        env={**os.environ, "LD_PRELOAD": str(COUNTER)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_no_number_of_steps_allocates_for_one_row_or_more():
    code = "print(*[allocations_of(stepper.repeat, n, rows) for n in (1, 1000) for rows in (1, 3)])"

    assert printed_by(code) == "0 0 0 0"


def test_that_counter_counts_here_too():
    code = "print(allocations_of(_native.Weights32, plan, weights) > 0)"

    assert printed_by(code) == "True"
