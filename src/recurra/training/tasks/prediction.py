"""Predicting the next symbol of strings of the Reber grammar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.draw import Seed, at_least, generator, one_hot
from recurra.training.tasks.grammar import (
    REBER_ALPHABET,
    ReberSymbol,
    coin_tosses,
    continual_embedded_reber_stream,
    embedded_reber_string,
    reber_string,
)
from recurra.training.tasks.losses import LossName
from recurra.training.tasks.rules import LegalNext
from recurra.training.tasks.task import Task

__all__ = ["continual_embedded_reber", "embedded_reber", "reber"]

Targets = Literal["next", "legal"]

_SIZE = len(REBER_ALPHABET)
_GERS_TOLERANCE = 0.49


def reber(count: int, *, targets: Targets = "next", seed: Seed = 0) -> Task:
    """Predict the next symbol of strings of the Reber grammar.

    A string is B ... E over the seven symbols BTPSXVE (`REBER_ALPHABET`), each branch of the
    grammar taken with probability a half; 8 symbols on average, at least 5, no upper bound.
    A short memory is enough: two symbols always tell where in the grammar one is.

    Input (time, 7): all symbols but the last. Target at each step: with "next", the class of the
    symbol that came next (loss "cross_entropy"; where two were legal no model can do better than
    log 2); with "legal", a float (7,) with 1 for each symbol that was legal (loss "bce").

    Score: a step is right when the legal symbols have the largest outputs, whatever the targets;
    ``solved`` is the fraction of strings with every step right, ``accuracy`` that of steps.
    Baseline: equal outputs for all symbols, which is right at no step; its loss is log 7 or log 2.

    Args:
        count: strings.
        targets: "next" or "legal".
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Reber 1967, Implicit learning of artificial grammars, J. Verbal Learning and Verbal
    Behavior 6; as a prediction task, Cleeremans, Servan-Schreiber & McClelland 1989, Finite state
    automata and simple recurrent networks, Neural Computation 1(3); the rule of scoring is that
    of Hochreiter & Schmidhuber 1997 (see `embedded_reber`).

    >>> from recurra.training import tasks
    >>> task = tasks.reber(100, seed=2)
    >>> "".join(tasks.REBER_ALPHABET[k] for k in task.inputs[0].argmax(axis=1))
    'BPTTTTVPXTVV'
    >>> "".join(tasks.REBER_ALPHABET[k] for k in task.targets[0])
    'PTTTTVPXTVVE'
    """
    source = (
        "Reber 1967, Implicit learning of artificial grammars, J. Verbal Learning and Verbal "
        "Behavior 6; Cleeremans, Servan-Schreiber & McClelland 1989, Neural Computation 1(3)"
    )
    strings = _strings("reber", count, reber_string, seed)
    loss = {"next": math.log(_SIZE), "legal": math.log(2.0)}
    baseline = {"solved": 0.0, "accuracy": 0.0, "loss": loss.get(targets, 0.0)}
    return _prediction("reber", strings, targets, source, baseline)


def embedded_reber(count: int, *, targets: Targets = "next", seed: Seed = 0) -> Task:
    """Predict the next symbol of strings of the embedded Reber grammar.

    A string is B T (a Reber string) T E or B P (a Reber string) P E, either with probability a
    half; 12 symbols on average, at least 9. The last symbol but one can only be told by whoever
    remembers the second, so there is a time lag of at least 7 steps.

    Input, target and score: as `reber`. The 1997 paper trains on the next symbol and stops when
    all symbols of 256 strings for training and of 256 for testing are right.

    Baseline: the grammar is known, the outer symbol forgotten. The loss is that of giving T and P
    half a chance each, ``solved`` (a half) and ``accuracy`` those of tossing a coin there.

    Args:
        count: strings.
        targets: "next" or "legal".
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8),
    experiment 1 (section 5.1).

    >>> from recurra.training import tasks
    >>> task = tasks.embedded_reber(100, seed=1)
    >>> "".join(tasks.REBER_ALPHABET[k] for k in task.inputs[0].argmax(axis=1))
    'BTBPVVET'
    >>> task.baseline["solved"]
    0.5
    """
    source = (
        "Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), "
        "experiment 1 (section 5.1)"
    )
    strings = _strings("embedded_reber", count, embedded_reber_string, seed)
    return _prediction("embedded_reber", strings, targets, source, _forgetful(strings, targets))


def continual_embedded_reber(
    count: int, length: int = 1000, *, targets: Targets = "legal", seed: Seed = 0
) -> Task:
    """Predict the next symbol of embedded Reber strings that follow each other without a reset.

    Each sequence is cut from the start of a stream of embedded Reber strings
    (`continual_embedded_reber_stream`): nothing but the symbols E and B says where one ends, and
    the state is never set back. The paper's streams are up to 100,000 symbols in training, ended
    by the first wrong prediction, and 1,000,000 in testing.

    Input (time, 7). Target: with "legal" a float (7,) a step, 1 for each legal next symbol (loss
    "bce"); with "next" the class that came next (loss "cross_entropy").

    Score: with "legal" the paper's rule: a step is right when the sigmoid of every output is
    within 0.49 of its target. With "next", where outputs compete, the rule of `embedded_reber`.
    ``first_error`` is the mean number of symbols before a stream's first wrong prediction (its
    length if there is none), the paper's measure over ten streams; ``solved`` the fraction of
    streams without any. The paper calls a model perfect that is right on ten streams of 1,000,000
    symbols, and good when ``first_error`` is above 1000.

    Baseline: the grammar is known, the outer symbol forgotten and guessed (see `embedded_reber`);
    every outer symbol then ends half of the streams.

    Args:
        count: streams.
        length: symbols of each stream that are fed.
        targets: "legal" or "next".
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Gers, Schmidhuber & Cummins 2000, Learning to forget: continual prediction with LSTM,
    Neural Computation 12(10), experiment 1.

    >>> from recurra.training import tasks
    >>> task = tasks.continual_embedded_reber(10, length=100, seed=0)
    >>> task
    Task(continual_embedded_reber: 10 sequences of 100 steps, 7 -> 7, steps, bce)
    """
    name = "continual_embedded_reber"
    at_least(name, "count", count, 0)
    at_least(name, "length", length, 1)
    rng = generator(seed)
    strings = [list(islice(continual_embedded_reber_stream(rng), length + 1)) for _ in range(count)]
    source = (
        "Gers, Schmidhuber & Cummins 2000, Learning to forget: continual prediction with LSTM, "
        "Neural Computation 12(10), experiment 1"
    )
    baseline = _forgetful(strings, targets, streams=True)
    tolerance = _GERS_TOLERANCE if targets == "legal" else None
    return _prediction(name, strings, targets, source, baseline, tolerance, streak=True)


def _strings(
    name: str, count: int, draw: Callable[[Iterator[int]], list[ReberSymbol]], seed: Seed
) -> list[list[ReberSymbol]]:
    at_least(name, "count", count, 0)
    tosses = coin_tosses(generator(seed))
    return [draw(tosses) for _ in range(count)]


def _prediction(
    name: str,
    strings: Sequence[Sequence[ReberSymbol]],
    targets: Targets,
    source: str,
    baseline: dict[str, float],
    tolerance: float | None = None,
    streak: bool = False,
) -> Task:
    if targets not in ("next", "legal"):
        raise ValueError(f"{name}: targets is {targets!r}, expected 'next' or 'legal'.")
    codes = [_classes(string) for string in strings]
    legal = [_legal_mask(string[:-1]) for string in strings]
    answers: list[npt.NDArray[Any]]
    loss: LossName
    if targets == "next":
        answers, loss = [code[1:] for code in codes], "cross_entropy"
    else:
        answers, loss = [mask.astype(np.float32) for mask in legal], "bce"
    return Task(
        name=name,
        inputs=[one_hot(code[:-1], _SIZE) for code in codes],
        targets=answers,
        kind="steps",
        loss=loss,
        input_size=_SIZE,
        output_size=_SIZE,
        source=source,
        rule=LegalNext(legal, tolerance, streak),
        baseline=baseline,
    )


def _classes(string: Sequence[ReberSymbol]) -> npt.NDArray[np.int64]:
    return np.array([REBER_ALPHABET.index(step.symbol) for step in string], dtype=np.int64)


def _legal_mask(string: Sequence[ReberSymbol]) -> npt.NDArray[np.bool_]:
    mask = np.zeros((len(string), _SIZE), dtype=np.bool_)
    for row, step in zip(mask, string, strict=True):
        row[[REBER_ALPHABET.index(symbol) for symbol in step.legal_next]] = True
    return mask


def _outer_steps(string: Sequence[ReberSymbol]) -> list[int]:
    """Where the outer symbol is due: after the E of the inner string."""
    return [t for t, step in enumerate(string[:-1]) if step.legal_next in ("T", "P")]


def _forgetful(
    strings: Sequence[Sequence[ReberSymbol]], targets: Targets, streams: bool = False
) -> dict[str, float]:
    """Expected measures of knowing the grammar and guessing the outer symbol."""
    if not strings:
        return {}
    outer = [_outer_steps(string) for string in strings]
    steps, guesses = sum(len(s) - 1 for s in strings), sum(len(o) for o in outer)
    branches = sum(len(step.legal_next) == 2 for s in strings for step in s[:-1])
    if targets == "next":
        loss = math.log(2.0) * (branches + guesses) / steps
    else:  # T and P at a half each are two outputs of seven with log 2
        loss = math.log(2.0) * 2.0 / _SIZE * guesses / steps
    measures = {
        "solved": sum(0.5 ** len(o) for o in outer) / len(strings),
        "accuracy": 1.0 - 0.5 * guesses / steps,
        "loss": loss,
    }
    if streams:
        streaks = [_expected_streak(o, len(s) - 1) for o, s in zip(outer, strings, strict=True)]
        measures["first_error"] = sum(streaks) / len(streaks)
    return measures


def _expected_streak(outer: Sequence[int], length: int) -> float:
    """Steps before the first wrong toss; the k-th toss is the first wrong one at 2^-(k+1)."""
    ended = sum(step * 0.5 ** (k + 1) for k, step in enumerate(outer))
    return ended + length * 0.5 ** len(outer)
