"""Broken programs without a fuzzer: what fuzz/mutate.py makes of the programs of fuzz/seeds.py."""

import random

import pytest

from fuzz.mutate import mutate
from fuzz.running import check
from fuzz.seeds import programs
from recurra.program import portable, to_json

SEEDS = {name: to_json(program) for name, program in programs().items()}
CHANGES = 150


def changed_programs_that_ran(name: str) -> int:
    return sum(check(mutate(SEEDS[name], random.Random(k)), seed=k) for k in range(CHANGES))


@pytest.mark.parametrize("name", SEEDS)
def test_a_changed_program_is_refused_or_runs_and_both_happen(name):
    assert CHANGES // 20 < changed_programs_that_ran(name) < CHANGES


def test_that_check_notices_a_reader_that_verifies_nothing(monkeypatch):
    monkeypatch.setattr(portable, "verify", lambda program: None)

    with pytest.raises((AttributeError, IndexError, KeyError, TypeError, ValueError)):
        changed_programs_that_ran("lstm")
