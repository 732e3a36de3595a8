"""The Reber grammar and its embedding, as strings with the symbols that may come next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from recurra.training.tasks.draw import Seed, generator

__all__ = ["REBER_ALPHABET", "ReberSymbol", "continual_embedded_reber_stream"]

REBER_ALPHABET = "BTPSXVE"
"""The seven symbols; a symbol's place is its class and its place in the one-hot code."""


class ReberSymbol(NamedTuple):
    """One symbol of a string, and what the grammar allows after it."""

    symbol: str
    legal_next: str  # one or two symbols; empty after the last of a string


# Reber's graph: node -> its two branches, (symbol, next node). Node 5 has the single way out, E.
_BRANCHES = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
)
_LAST_NODE = 5
_BLOCK = 4096  # tosses drawn at once; single draws would take most of a stream's time


def coin_tosses(rng: np.random.Generator) -> Iterator[int]:
    """0 or 1, each with probability a half, without end."""
    while True:
        yield from rng.integers(2, size=_BLOCK).tolist()


def reber_string(tosses: Iterator[int]) -> list[ReberSymbol]:
    """B ... E, each branch taken with probability a half; at least 5 symbols, 8 on average."""
    string, symbol, node = [], "B", 0
    while node != _LAST_NODE:
        branches = _BRANCHES[node]
        string.append(ReberSymbol(symbol, branches[0][0] + branches[1][0]))
        symbol, node = branches[next(tosses)]
    return [*string, ReberSymbol(symbol, "E"), ReberSymbol("E", "")]


def embedded_reber_string(tosses: Iterator[int]) -> list[ReberSymbol]:
    """B T (a Reber string) T E, or the same with P; at least 9 symbols, 12 on average."""
    outer = "TP"[next(tosses)]
    *inner, inner_end = reber_string(tosses)
    return [
        ReberSymbol("B", "TP"),
        ReberSymbol(outer, "B"),
        *inner,
        inner_end._replace(legal_next=outer),
        ReberSymbol(outer, "E"),
        ReberSymbol("E", ""),
    ]


def continual_embedded_reber_stream(seed: Seed = 0) -> Iterator[ReberSymbol]:
    """Embedded Reber strings one after the other, without end and without a mark between them.

    After a string's E the next B is the only legal symbol, so ``legal_next`` is never empty.
    `continual_embedded_reber` cuts its sequences from this stream; feeding it to a model symbol by
    symbol until the first wrong prediction is the test of Gers, Schmidhuber & Cummins 2000
    (Learning to forget: continual prediction with LSTM, Neural Computation 12(10)).

    Args:
        seed: a whole number, or a numpy Generator to draw on from. The stream draws ahead, so a
            Generator given to it should be used for nothing else.

    >>> from itertools import islice
    >>> from recurra.training import tasks
    >>> stream = tasks.continual_embedded_reber_stream(seed=0)
    >>> first = list(islice(stream, 10))
    >>> "".join(step.symbol for step in first)
    'BPBPVPXTTT'
    >>> [step.legal_next for step in first]
    ['TP', 'B', 'TP', 'TV', 'PV', 'XS', 'TV', 'TV', 'TV', 'TV']
    """
    tosses = coin_tosses(generator(seed))
    while True:
        *string, end = embedded_reber_string(tosses)
        yield from string
        yield end._replace(legal_next="B")
