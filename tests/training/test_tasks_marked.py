"""`adding` and `multiplication`: answers from the marks, baselines from closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.training import tasks

LSTM_TASKS = {"adding": tasks.adding, "multiplication": tasks.multiplication}
both = pytest.mark.parametrize("name", LSTM_TASKS)


def answer_by_marks(name, x):
    """From what a model sees: the values marked 1; a missing one is the neutral element."""
    marked = x[x[:, 1] == 1, 0].astype(float)
    assert len(marked) in (1, 2)
    return 0.5 + marked.sum() / 4 if name == "adding" else marked.prod()


@both
@given(length=st.integers(20, 60), seed=st.integers(0, 2**32))
def test_targets_follow_from_the_marks(name, length, seed):
    for x, y in LSTM_TASKS[name](5, length, seed=seed).pairs():
        assert y[0] == pytest.approx(answer_by_marks(name, x), abs=1e-6)


@both
@given(length=st.integers(20, 250), seed=st.integers(0, 2**32))
def test_marks_lie_where_the_paper_puts_them(name, length, seed):
    low = -1 if name == "adding" else 0
    for x, _ in LSTM_TASKS[name](5, length, seed=seed).pairs():
        values, marks = x.T
        assert length <= len(x) <= length + length // 10
        assert marks[0] == marks[-1] == -1
        assert set(marks[1:-1]) <= {0, 1}
        marked = np.flatnonzero(marks == 1)
        assert marked[0] < 10 or (len(marked) == 1 and marked[0] < length // 2)
        assert marked[-1] < length // 2
        assert ((values >= low) & (values <= 1)).all()


def test_every_length_and_every_place_occurs():
    task = tasks.adding(6000, length=20)
    marks = [np.flatnonzero(x[:, 1] == 1) for x in task.inputs]
    assert {len(x) for x in task.inputs} == {20, 21, 22}
    assert {int(place) for row in marks for place in row} == set(range(1, 10))
    # With T = 20 both marks are among the first ten: one of ten, then one of the other nine.
    hidden = np.mean([len(row) == 1 for row in marks])
    assert hidden == pytest.approx(2 / 10, abs=0.02)


def test_values_are_uniform_over_the_papers_intervals():
    sums, products = tasks.adding(400, 50), tasks.multiplication(400, 50)
    for task, low in ((sums, -1.0), (products, 0.0)):
        values = np.concatenate([x[:, 0] for x in task.inputs])
        quantiles = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0])
        assert quantiles == pytest.approx(np.linspace(low, 1.0, 5), abs=0.02)


@given(st.integers(2, 60), st.integers(0, 2**32))
def test_the_2016_form_has_a_mark_in_each_half(length, seed):
    for x, y in tasks.adding(5, length, variant="arjovsky2016", seed=seed).pairs():
        first, second = np.flatnonzero(x[:, 1] == 1)
        assert len(x) == length
        assert first < length // 2 <= second
        assert set(x[:, 1]) <= {0.0, 1.0}
        assert y[0] == pytest.approx(x[first, 0] + x[second, 0], abs=1e-6)


BASELINES = {
    "adding": lambda: tasks.adding(40000, 20, seed=1),
    "adding, T = 40": lambda: tasks.adding(30000, 40, seed=2),
    "adding, 2016": lambda: tasks.adding(40000, 20, variant="arjovsky2016", seed=3),
    "multiplication": lambda: tasks.multiplication(40000, 20, seed=4),
}


@pytest.mark.parametrize("make", BASELINES.values(), ids=BASELINES.keys())
def test_the_constant_mean_scores_the_baseline(make):
    task = make()
    mean = np.mean([y[0] for y in task.targets])
    measures = task.score([np.array([mean])] * len(task))
    assert measures["solved"] == pytest.approx(task.baseline["solved"], abs=0.006)
    assert measures["error"] == pytest.approx(task.baseline["error"], rel=0.01)
    assert measures["loss"] == pytest.approx(task.baseline["loss"], rel=0.02)


def test_long_sequences_have_the_baselines_of_two_free_values():
    # The first pair is marked in one of ten sequences, however long; the rest is textbook.
    far = tasks.adding(1, 100_000).baseline
    assert far["loss"] == pytest.approx(0.9 / 24 + 0.1 / 48, rel=1e-3)
    assert tasks.adding(1, 10, variant="arjovsky2016").baseline["loss"] == pytest.approx(1 / 6)
    product = tasks.multiplication(1, 100_000).baseline
    mean = 0.9 / 4 + 0.1 / 2
    assert product["loss"] == pytest.approx(0.9 / 9 + 0.1 / 3 - mean**2, rel=1e-3)


@both
def test_an_error_of_four_hundredths_is_the_line(name):
    task = LSTM_TASKS[name](50, 30)
    assert task.score([y + 0.0399 for y in task.targets])["solved"] == 1.0
    assert task.score([y - 0.0401 for y in task.targets])["solved"] == 0.0


def test_adding_the_values_beside_the_marks_is_noticed():
    task = tasks.adding(500, 50)
    beside = [np.column_stack([np.roll(x[:, 0], 1), x[:, 1]]) for x in task.inputs]
    assert task.score([[answer_by_marks("adding", x)] for x in beside])["solved"] < 0.3


def test_too_short_a_sequence_and_an_unknown_variant_are_refused():
    with pytest.raises(ValueError, match="adding: length is 19, expected at least 20"):
        tasks.adding(1, 19)
    with pytest.raises(ValueError, match="adding: variant is 'le2015', expected 'hochreiter1997'"):
        tasks.adding(1, 50, variant="le2015")
