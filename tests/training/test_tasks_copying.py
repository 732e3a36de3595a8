"""`copy_memory` and `selective_copy` against the papers' sentences and formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.training import tasks

sizes = {
    "copied": st.integers(1, 12),
    "symbols": st.integers(2, 9),
    "seed": st.integers(0, 2**32),
}


@given(blanks=st.integers(1, 40), **sizes)
def test_copy_memory_is_the_papers_sentence(blanks, copied, symbols, seed):
    task = tasks.copy_memory(3, blanks, copied=copied, symbols=symbols, seed=seed)
    blank, delimiter = symbols, symbols + 1
    for x, y in task.pairs():
        assert (x.sum(axis=1) == 1).all()
        read = x.argmax(axis=1).tolist()
        memory = read[:copied]
        assert max(memory) < symbols
        assert read == memory + [blank] * (blanks - 1) + [delimiter] + [blank] * copied
        assert y.tolist() == [blank] * (blanks + copied) + memory


@given(extra=st.integers(0, 40), **sizes)
def test_selective_copy_asks_for_the_symbols_in_their_order(extra, copied, symbols, seed):
    length = copied + extra
    task = tasks.selective_copy(3, length, copied=copied, symbols=symbols, seed=seed)
    noise, marker = symbols, symbols + 1
    for x, y in task.pairs():
        read = x.argmax(axis=1).tolist()
        memory = [symbol for symbol in read[:length] if symbol != noise]
        assert max(memory) < symbols
        assert read[length:] == [marker] * copied
        assert y.tolist() == [tasks.IGNORED] * length + memory


def test_selective_copy_scatters_its_symbols_evenly():
    task = tasks.selective_copy(20000, 8, copied=3)
    places = np.mean([x[:8, 14] == 0 for x in task.inputs], axis=0)
    assert places == pytest.approx(np.full(8, 3 / 8), abs=0.015)


def test_the_defaults_are_the_papers():
    copy = tasks.copy_memory(1, blanks=500)
    assert (len(copy.inputs[0]), copy.input_size, copy.output_size) == (520, 10, 9)
    assert copy.baseline["loss"] == pytest.approx(10 * math.log(8) / 520)
    selective = tasks.selective_copy(1)
    assert (len(selective.inputs[0]), selective.input_size) == (4096 + 16, 16)
    assert int(selective.scored[0].sum()) == 16


@pytest.mark.parametrize(("blanks", "copied", "symbols"), [(30, 10, 8), (5, 2, 3)])
def test_the_memoryless_answer_scores_copy_memorys_baseline(blanks, copied, symbols):
    task = tasks.copy_memory(4000, blanks, copied=copied, symbols=symbols)
    logits = np.full((blanks + 2 * copied, symbols + 1), -60.0)
    logits[: blanks + copied, symbols] = 0.0
    logits[blanks + copied :, :symbols] = 0.0
    measures = task.score([logits] * len(task))
    assert measures["loss"] == pytest.approx(task.baseline["loss"], rel=1e-9)
    for name in ("solved", "accuracy", "recalled"):
        assert measures[name] == pytest.approx(task.baseline[name], abs=0.02)


def test_a_uniform_guess_scores_selective_copys_baseline():
    task = tasks.selective_copy(3000, 20, copied=2, symbols=4)
    measures = task.score([np.zeros((22, 4))] * len(task))
    assert measures["loss"] == pytest.approx(math.log(4))
    assert measures == pytest.approx(dict(task.baseline), abs=0.02)


def test_an_answer_one_step_late_is_noticed():
    task = tasks.copy_memory(200, 20)
    late = [100.0 * np.eye(9)[np.roll(y, 1)] for y in task.targets]
    measures = task.score(late)
    assert measures["solved"] == 0.0
    assert measures["recalled"] < 0.3


def test_outputs_before_the_markers_do_not_count():
    task = tasks.selective_copy(5, 12, copied=3)
    noise = np.random.default_rng(0)
    outputs = [100.0 * np.eye(14)[np.where(y < 0, 0, y)] for y in task.targets]
    for row in outputs:
        row[:12] = noise.normal(size=(12, 14))
    assert task.score(outputs)["solved"] == 1.0


def test_more_symbols_than_places_are_refused():
    message = "selective_copy: length is 15, expected at least 16"
    with pytest.raises(ValueError, match=message):
        tasks.selective_copy(1, 15)
    with pytest.raises(ValueError, match="copy_memory: blanks is 0, expected at least 1"):
        tasks.copy_memory(1, 0)
