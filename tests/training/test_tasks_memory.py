"""`repeats` and `seen` against a plain loop and against counted frequencies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.training import tasks


def repeats_by_hand(symbols):
    answers, last = [], None
    for symbol in symbols:
        answers.append(float(symbol == last))
        last = symbol
    return answers


def seen_by_hand(symbols):
    met, answers = {}, []
    for symbol in symbols:
        answers.append(1.0 if symbol in met else 0.0)
        met[symbol] = True
    return answers


lengths = st.integers(1, 40) | st.tuples(st.integers(1, 20), st.integers(20, 40))


@given(lengths, st.integers(2, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_repeats_is_what_a_loop_says(length, symbols, probability, seed):
    task = tasks.repeats(4, length, symbols, repeat_probability=probability, seed=seed)
    for x, y in task.pairs():
        assert (x.sum(axis=1) == 1).all()
        assert y[:, 0].tolist() == repeats_by_hand(x.argmax(axis=1))


@given(lengths, st.integers(2, 12), st.integers(0, 2**32))
def test_seen_is_what_a_loop_with_a_dict_says(length, symbols, seed):
    task = tasks.seen(4, length, symbols, seed=seed)
    for x, y in task.pairs():
        assert (x.sum(axis=1) == 1).all()
        assert y[:, 0].tolist() == seen_by_hand(x.argmax(axis=1))


def test_the_two_oracles_tell_the_tasks_apart():
    symbols = [3, 5, 3, 3]
    assert repeats_by_hand(symbols) != seen_by_hand(symbols)


@given(st.integers(1, 9), st.integers(0, 9))
def test_lengths_stay_within_their_bounds(low, more):
    task = tasks.seen(50, (low, low + more))
    assert {len(x) for x in task.inputs} <= set(range(low, low + more + 1))


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_symbols_repeat_as_often_as_asked_and_are_uniform(probability):
    task = tasks.repeats(20000, length=5, symbols=4, repeat_probability=probability)
    answers = np.stack(task.targets)[:, 1:, 0]
    assert answers.mean() == pytest.approx(probability, abs=0.01)
    assert np.stack(task.inputs).mean(axis=0) == pytest.approx(np.full((5, 4), 0.25), abs=0.015)


def test_a_change_is_to_any_other_symbol_alike():
    task = tasks.repeats(30000, length=2, symbols=4, repeat_probability=0.0)
    first, second = np.stack(task.inputs).argmax(axis=2).T
    shifts = np.bincount((second - first) % 4, minlength=4) / 30000
    assert shifts == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.012)


CONSTANTS = [
    lambda seed: tasks.repeats(4000, length=8, seed=seed),
    lambda seed: tasks.repeats(4000, length=6, repeat_probability=0.1, seed=seed),
    lambda seed: tasks.repeats(4000, length=(1, 6), repeat_probability=0.9, seed=seed),
    lambda seed: tasks.seen(4000, length=32, seed=seed),
    lambda seed: tasks.seen(4000, length=(1, 5), symbols=10, seed=seed),
]


@pytest.mark.parametrize("make", CONSTANTS)
def test_the_best_constant_answer_scores_the_baseline(make):
    task = make(seed=5)
    ones = np.concatenate(task.targets).mean()
    constant = np.log(ones / (1 - ones))
    measures = task.score([np.full(y.shape, constant) for y in task.targets])
    assert measures == pytest.approx(dict(task.baseline), abs=0.02)


def test_a_baseline_of_another_probability_would_not_pass():
    task = tasks.repeats(4000, length=8, repeat_probability=0.1)
    other = tasks.repeats(4000, length=8, repeat_probability=0.2)
    assert task.baseline["accuracy"] != pytest.approx(other.baseline["accuracy"], abs=0.02)


def test_zeros_and_ones_of_a_hand_set_cell_are_read_as_answers():
    task = tasks.seen(20, length=16)
    assert task.score(task.targets)["solved"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"symbols": 1}, "repeats: symbols is 1, expected at least 2."),
        ({"length": 0}, "repeats: length is 0, expected at least 1."),
        ({"length": (5, 4)}, r"repeats: length is \(5, 4\), expected \(shortest, longest\)."),
        (
            {"repeat_probability": 1.5},
            r"repeats: repeat_probability is 1.5, expected one in \[0, 1\].",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tasks.repeats(3, **arguments)
