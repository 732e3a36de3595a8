"""Broken files without a fuzzer: what fuzz/mutate_files.py makes of whole ones."""

import random

import pytest

from fuzz.files import (
    check_model,
    check_snapshot,
    check_states,
    check_table,
    files_of,
    scratch,
)
from fuzz.mutate_files import mutate_file
from fuzz.seeds import layers
from recurra.engine import ready
from recurra.streaming import load

CHANGES = 120
FILES = {name: files_of(layer) for name, layer in layers().items()}

every_layer = pytest.mark.parametrize("name", FILES)


def changed(data):
    return [mutate_file(data, random.Random(k)) for k in range(CHANGES)]


def model_of(name):
    (scratch() / "whole").write_bytes(FILES[name]["model"])
    return load(scratch() / "whole")


@every_layer
def test_a_changed_model_is_refused_or_runs_and_both_happen(name):
    assert check_model(FILES[name]["model"])

    assert CHANGES // 20 < sum(map(check_model, changed(FILES[name]["model"]))) < CHANGES


@every_layer
@pytest.mark.parametrize(
    ("kind", "check"),
    [("snapshot", check_snapshot), ("states", check_states), ("table", check_table)],
)
def test_changed_states_are_refused_or_taken_and_both_happen(name, kind, check):
    model = model_of(name)
    assert check(FILES[name][kind], model)

    taken = sum(check(data, model) for data in changed(FILES[name][kind]))

    assert CHANGES // 20 < taken < CHANGES


def test_that_check_notices_a_reader_that_lets_any_tensor_pass(monkeypatch):
    real = ready._array

    def careless(name, given, dtype, tensors):
        if name not in tensors:
            name = min(tensors)
        return real(name, given, dtype, tensors).ravel()[:1]

    monkeypatch.setattr(ready, "_array", careless)

    with pytest.raises((AssertionError, KeyError, TypeError, ValueError)):
        list(map(check_model, changed(FILES["lstm"]["model"])))
