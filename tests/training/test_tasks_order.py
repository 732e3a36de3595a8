"""`temporal_order` against the paper's places, lengths and classes."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.training import tasks

WINDOWS = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}
RULES = {
    2: ["XX", "XY", "YX", "YY"],  # the paper's Q, R, S, U
    3: ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"],  # Q, R, S, U, V, A, B, C
}
both = pytest.mark.parametrize("relevant", [2, 3])


def letters(x):
    return "".join(tasks.ORDER_ALPHABET[k] for k in x.argmax(axis=1))


@both
@given(seed=st.integers(0, 2**32))
def test_sequences_are_the_papers(relevant, seed):
    for x, y in tasks.temporal_order(10, relevant, seed=seed).pairs():
        text = letters(x)
        assert 100 <= len(text) <= 110
        assert re.fullmatch("E[abcdXY]+B", text)
        places = [m.start() for m in re.finditer("[XY]", text)]
        assert len(places) == relevant
        for place, (low, high) in zip(places, WINDOWS[relevant], strict=True):
            assert low <= place <= high
        assert RULES[relevant][y] == "".join(text[p] for p in places)


@both
def test_every_place_length_class_and_distractor_is_equally_likely(relevant):
    task = tasks.temporal_order(6000, relevant)
    texts = [letters(x) for x in task.inputs]
    places = np.array([[m.start() for m in re.finditer("[XY]", text)] for text in texts])
    for column, (low, high) in zip(places.T, WINDOWS[relevant], strict=True):
        assert np.bincount(column)[low : high + 1] / 6000 == pytest.approx(
            np.full(11, 1 / 11), abs=0.02
        )
    lengths = np.bincount([len(text) for text in texts])[100:111] / 6000
    assert lengths == pytest.approx(np.full(11, 1 / 11), abs=0.02)
    classes = np.bincount(task.targets, minlength=2**relevant) / 6000
    assert classes == pytest.approx(np.full(2**relevant, 2.0**-relevant), abs=0.03)
    counts = np.array([[text.count(s) for s in "abcd"] for text in texts[:500]]).sum(axis=0)
    assert counts / counts.sum() == pytest.approx(np.full(4, 0.25), abs=0.01)


@both
@given(length=st.integers(10, 99), seed=st.integers(0, 2**32))
def test_shorter_sequences_keep_start_end_and_all_relevant_symbols(relevant, length, seed):
    for x, y in tasks.temporal_order(3, relevant, length=length, seed=seed).pairs():
        text = letters(x)
        assert re.fullmatch("E[abcdXY]+B", text)
        assert RULES[relevant][y] == re.sub("[^XY]", "", text)


@both
def test_equal_outputs_score_the_baseline(relevant):
    task = tasks.temporal_order(3000, relevant)
    measures = task.score([np.zeros(2**relevant)] * len(task))
    assert measures["loss"] == pytest.approx(task.baseline["loss"])
    assert measures["accuracy"] == pytest.approx(task.baseline["accuracy"], abs=0.03)
    assert measures["solved"] == task.baseline["solved"] == 0.0


def test_an_error_of_three_tenths_is_the_line():
    task = tasks.temporal_order(40)
    for error, solved in ((0.299, 1.0), (0.301, 0.0)):
        # All of the error sits on one wrong class; the right class lacks as much.
        rows = [np.full(4, 1e-12) for _ in task.targets]
        for row, y in zip(rows, task.targets, strict=True):
            row[int(y)], row[(int(y) + 1) % 4] = 1 - error, error
        measures = task.score([np.log(row) for row in rows])
        assert measures["solved"] == solved
        assert measures["accuracy"] == 1.0


def test_counting_without_order_is_noticed():
    task = tasks.temporal_order(2000, seed=1)
    sorted_class = {y: RULES[2].index("".join(sorted(rule))) for y, rule in enumerate(RULES[2])}
    outputs = [50.0 * np.eye(4)[sorted_class[int(y)]] for y in task.targets]
    assert task.score(outputs)["solved"] == pytest.approx(0.75, abs=0.04)


def test_the_classes_of_the_paper_are_all_orders():
    for relevant, rules in RULES.items():
        assert rules == ["".join(order) for order in product("XY", repeat=relevant)]


def test_four_relevant_symbols_are_refused():
    with pytest.raises(ValueError, match="temporal_order: relevant is 4, expected 2 or 3"):
        tasks.temporal_order(1, 4)
