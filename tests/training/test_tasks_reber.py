"""The Reber tasks against a regular expression and a brute-force list of all strings."""

import re
from itertools import islice, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.training import tasks

# The grammar by state elimination, written without looking at the generator's table:
# from the T side S* X, from the P side T* V, then either side may turn to the other.
_AFTER_V = r"(?:V|P(?:X T* V P)*(?:S|X T* V V))"
_INNER = rf"B(?:T S* X (?:X T* V P)* (?:S|X T* V V)|P T* V {_AFTER_V})E"
REBER = re.compile(_INNER, re.VERBOSE)
EMBEDDED = re.compile(rf"BT{_INNER}TE|BP{_INNER}PE", re.VERBOSE)
PUBLISHED = ["BTSSXXTVVE", "BPVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE"]
NOT_REBER = ["BTSSPXSE", "BPTVVB", "BTXXVVSE", "BPVSPSE", "BTSSSE"]

WORDS = {
    "reber": (tasks.reber, REBER),
    "embedded_reber": (tasks.embedded_reber, EMBEDDED),
}
each_grammar = pytest.mark.parametrize("name", WORDS)


def letters(codes):
    return "".join(tasks.REBER_ALPHABET[k] for k in codes)


def words_of(task):
    """Whole strings: the inputs, and the last target, which only "next" tells."""
    return [letters([*x.argmax(axis=1), y[-1]]) for x, y in task.pairs()]


def legal_after(prefix, pattern, longest):
    """What may follow, by trying every string up to a length: the definition of "legal"."""
    return {word[len(prefix)] for word in _language(pattern, longest) if word.startswith(prefix)}


_LANGUAGES = {}


def _language(pattern, longest):
    """All words of the language up to a length, out of all strings over the alphabet."""
    key = (pattern.pattern, longest)
    if key not in _LANGUAGES:
        inner = [
            "B" + "".join(middle) + "E"
            for size in range(3, longest - 1)
            for middle in product("TPSXV", repeat=size)
        ]
        inner = [word for word in inner if REBER.fullmatch(word)]
        if pattern is EMBEDDED:
            inner = [f"B{o}{w}{c}E" for w in inner for o in "TP" for c in "TP"]
        _LANGUAGES[key] = [word for word in inner if pattern.fullmatch(word)]
    return _LANGUAGES[key]


def test_the_regular_expression_knows_published_words_and_non_words():
    assert all(REBER.fullmatch(word) for word in PUBLISHED)
    assert not any(REBER.fullmatch(word) for word in NOT_REBER)
    assert EMBEDDED.fullmatch("BTBPVVETE")
    assert not EMBEDDED.fullmatch("BTBPVVEPE")


@each_grammar
@given(seed=st.integers(0, 2**32))
def test_strings_are_words_of_the_grammar(name, seed):
    make, pattern = WORDS[name]
    for word in words_of(make(30, seed=seed)):
        assert pattern.fullmatch(word), word


@each_grammar
def test_every_short_word_is_drawn(name):
    make, pattern = WORDS[name]
    shortest = 5 if name == "reber" else 9
    drawn = {word for word in words_of(make(20000)) if len(word) <= shortest + 3}
    assert drawn == {w for w in _language(pattern, 8) if len(w) <= shortest + 3}


@each_grammar
def test_legal_symbols_are_those_some_word_goes_on_with(name):
    make, pattern = WORDS[name]
    task = make(400, targets="legal", seed=3)
    plain = words_of(make(400, seed=3))
    for word, mask in zip(plain, task.targets, strict=True):
        if len(word) > (7 if name == "reber" else 11):
            continue  # the brute-force list must reach three symbols beyond every prefix
        for t, row in enumerate(mask):
            want = legal_after(word[: t + 1], pattern, 10)
            assert {s for s, one in zip(tasks.REBER_ALPHABET, row, strict=True) if one} == want


@each_grammar
def test_each_of_two_legal_symbols_comes_half_of_the_time(name):
    make, _ = WORDS[name]
    task = make(4000)
    legal, came = np.concatenate(task.rule.legal), np.concatenate(task.targets)
    two = legal.sum(axis=1) == 2
    assert (legal[two].argmax(axis=1) == came[two]).mean() == pytest.approx(0.5, abs=0.01)


@each_grammar
def test_strings_have_the_length_their_chain_predicts(name):
    make, _ = WORDS[name]
    lengths = [len(word) for word in words_of(make(20000))]
    # Expected visits solved from the graph: 8 symbols, 4 more around the embedded one.
    assert np.mean(lengths) == pytest.approx(8 if name == "reber" else 12, abs=0.1)
    assert min(lengths) == (5 if name == "reber" else 9)


def test_the_stream_is_embedded_strings_end_to_end():
    steps = list(islice(tasks.continual_embedded_reber_stream(seed=4), 20000))
    stream = "".join(step.symbol for step in steps)
    words = re.findall(EMBEDDED, stream)
    assert len(words) > 1000
    assert stream.startswith("".join(words))
    assert all(b.symbol in a.legal_next for a, b in pairwise(steps))
    ends = np.cumsum([len(word) for word in words]) - 1
    assert {steps[end].legal_next for end in ends} == {"B"}


@given(st.integers(1, 80), st.integers(0, 2**32))
def test_continual_targets_are_the_streams_legal_symbols_and_next_symbols(length, seed):
    legal = tasks.continual_embedded_reber(2, length, seed=seed)
    plain = tasks.continual_embedded_reber(2, length, targets="next", seed=seed)
    steps = list(islice(tasks.continual_embedded_reber_stream(seed), length + 1))
    assert letters(legal.inputs[0].argmax(1)) == "".join(s.symbol for s in steps[:-1])
    assert letters(plain.targets[0]) == "".join(s.symbol for s in steps[1:])
    for row, step in zip(legal.targets[0], steps[:-1], strict=True):
        assert {tasks.REBER_ALPHABET[k] for k in np.flatnonzero(row)} == set(step.legal_next)


def forgetful(task, toss):
    """Knows the grammar; at the outer symbol gives T and P the two logits of the toss."""
    outputs = [np.where(legal, 40.0, -40.0) for legal in task.rule.legal]
    t, p = (tasks.REBER_ALPHABET.index(s) for s in "TP")
    for legal, row in zip(task.rule.legal, outputs, strict=True):
        outer = (legal.sum(1) == 1) & (legal[:, t] | legal[:, p])
        row[np.ix_(outer, [t, p])] = [toss() for _ in range(outer.sum())]
    return outputs


FORGETFUL = {
    "embedded, next": lambda: tasks.embedded_reber(6000, seed=1),
    "embedded, legal": lambda: tasks.embedded_reber(6000, targets="legal", seed=2),
    "continual, legal": lambda: tasks.continual_embedded_reber(2500, 40, seed=3),
    "continual, next": lambda: tasks.continual_embedded_reber(2500, 40, targets="next", seed=4),
}


@pytest.mark.parametrize("make", FORGETFUL.values(), ids=FORGETFUL.keys())
def test_who_forgets_the_outer_symbol_scores_the_baseline(make):
    task, rng = make(), np.random.default_rng(0)
    guessed = task.score(forgetful(task, lambda: rng.permutation([40.0, -40.0])))
    even = 0.0 if task.loss == "bce" else 40.0
    hedged = task.score(forgetful(task, lambda: [even, even]))
    want = task.baseline
    assert guessed["solved"] == pytest.approx(want["solved"], abs=0.025)
    assert guessed["accuracy"] == pytest.approx(want["accuracy"], abs=0.005)
    assert guessed.get("first_error", 0) == pytest.approx(want.get("first_error", 0), rel=0.04)
    assert hedged["loss"] == pytest.approx(want["loss"], rel=1e-6)
    assert hedged["solved"] < 0.05  # an undecided outer symbol is wrong


def test_equal_outputs_score_rebers_baseline():
    for targets in ("next", "legal"):
        task = tasks.reber(50, targets=targets)
        assert task.score([np.zeros((len(x), 7)) for x in task.inputs]) == pytest.approx(
            dict(task.baseline)
        )


def test_the_1997_rule_wants_every_legal_output_above_every_other():
    task = tasks.embedded_reber(20)
    assert task.score([1e-3 * legal for legal in task.rule.legal])["solved"] == 1.0
    one_of_two = [np.eye(7)[legal.argmax(1)] for legal in task.rule.legal]
    assert task.score(one_of_two)["solved"] == 0.0


def test_the_2000_rule_wants_every_output_within_its_tolerance():
    task = tasks.continual_embedded_reber(3, 50)
    line = np.log(0.51 / 0.49)
    for scale, solved in ((1.001, 1.0), (0.999, 0.0)):
        outputs = [scale * line * (2 * y - 1) for y in task.targets]
        assert task.score(outputs)["solved"] == solved


@given(st.integers(0, 59))
def test_first_error_counts_the_symbols_before_it(place):
    task = tasks.continual_embedded_reber(1, 60)
    outputs = [100.0 * task.targets[0] - 50.0]
    outputs[0][place] *= -1
    outputs[0][59] *= -1 if place != 59 else 1  # later errors do not matter
    assert task.score(outputs)["first_error"] == place


def test_unknown_targets_are_refused():
    with pytest.raises(ValueError, match="reber: targets is 'all', expected 'next' or 'legal'"):
        tasks.reber(2, targets="all")
