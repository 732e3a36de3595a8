"""Answers as lines: for people and Unix tools, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.notes import Notes

__all__ = ["json_lines", "plain_lines", "probabilities", "texts_of", "writer"]

Array = NDArray[Any]
Keys = Sequence[str] | None
Writer = Callable[[Array, Keys, Array], bytes]

_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
# Where numpy writes a number without an exponent, as JSON does.
_SMALLEST = 1e-4
_LARGEST = {"float32": 1e6, "float64": 1e16}


def writer(notes: Notes, *, as_json: bool) -> Writer:
    """What turns the lines (event,), keys and answers (event, output) of a batch into bytes."""
    write = json_lines if as_json else plain_lines

    def written(lines: Array, keys: Keys, ys: Array) -> bytes:
        texts = [*write(notes, lines, keys, ys), ""]
        return "\n".join(texts).encode("utf-8", "backslashreplace")

    return written


def plain_lines(notes: Notes, lines: Array, keys: Keys, ys: Array) -> Iterable[str]:
    r"""The key if there is one, then the class or the numbers, with tabs between them.

    >>> y = np.array([[0.1, 2.0]], dtype=np.float32)
    >>> list(plain_lines(Notes(classes=("no", "yes")), np.array([1]), ["ann"], y))
    ['ann\tyes']
    >>> list(plain_lines(Notes(), np.array([1]), None, y))
    ['0.1\t2.0']
    """
    if notes.classes is not None:
        names = [name.translate(_ESCAPES) for name in notes.classes]
        answers = [names[best] for best in ys.argmax(axis=1).tolist()]
    else:
        answers = _joined(texts_of(ys), ys.shape[1], "\t")
    if keys is None:
        return answers
    return [f"{key}\t{answer}" for key, answer in zip(_escaped(keys), answers, strict=True)]


def json_lines(notes: Notes, lines: Array, keys: Keys, ys: Array) -> Iterable[str]:
    """Objects: the line, the key, and the class with its probabilities or the numbers.

    >>> list(json_lines(Notes(), np.array([7]), None, np.array([[0.5]])))
    ['{"line": 7, "answer": 0.5}']
    """
    answers = _json_numbers(ys) if notes.classes is None else _json_classes(notes.classes, ys)
    numbers = lines.tolist()
    if keys is None:
        pairs = zip(numbers, answers, strict=True)
        return [f'{{"line": {line}, {answer}}}' for line, answer in pairs]
    named = {key: json.dumps(key, ensure_ascii=False) for key in set(keys)}
    rows = zip(numbers, map(named.__getitem__, keys), answers, strict=True)
    return [f'{{"line": {line}, "key": {key}, {answer}}}' for line, key, answer in rows]


def texts_of(ys: Array) -> list[str]:
    """Every number as the shortest text that gives the same bits back, as numpy writes it.

    >>> texts_of(np.array([[0.1, 1e-5]], dtype=np.float32))
    ['0.1', '1e-05']
    """
    numbers = ys.ravel()
    largest = _LARGEST.get(numbers.dtype.name)
    if largest is None or not len(numbers):
        return list(map(str, numbers))
    import orjson  # numpy takes 0.3 µs a number, this 0.05

    found = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)
    texts = found[1:-1].decode().split(",")
    size = np.abs(numbers)
    for place in np.flatnonzero(~((size > _SMALLEST) & (size < largest))).tolist():
        texts[place] = str(numbers[place])
    return texts


def probabilities(logits: Array) -> Array:
    """Softmax over the last axis.

    >>> probabilities(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    values = logits.astype(np.float64)
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    result: Array = shares / shares.sum(axis=-1, keepdims=True)
    return result


def _joined(texts: list[str], width: int, between: str) -> list[str]:
    """The texts of each row as one."""
    if width == 1:
        return texts
    return [between.join(texts[at : at + width]) for at in range(0, len(texts), width)]


def _escaped(keys: Sequence[str]) -> Sequence[str]:
    plain = "".join(keys).isprintable()  # no tab and no end of a line is
    return keys if plain else [key.translate(_ESCAPES) for key in keys]


def _json_numbers(ys: Array) -> list[str]:
    answers = _joined(texts_of(ys), ys.shape[1], ", ")
    if ys.shape[1] == 1:
        return [f'"answer": {answer}' for answer in answers]
    return [f'"answer": [{answer}]' for answer in answers]


def _json_classes(classes: Sequence[str], ys: Array) -> list[str]:
    names = [json.dumps(name, ensure_ascii=False) for name in classes]
    form = ", ".join(name.replace("%", "%%") + ": %r" for name in names)
    shares = [tuple(row) for row in probabilities(ys).round(6).tolist()]
    best = ys.argmax(axis=1).tolist()
    return [
        f'"class": {names[one]}, "probabilities": {{{form % row}}}'
        for one, row in zip(best, shares, strict=True)
    ]
