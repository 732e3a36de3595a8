"""An answer as a line: for people and Unix tools, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.cli.notes import Notes
from recurra.data import Event

__all__ = ["json_line", "plain_line", "probabilities", "writer"]

Array = NDArray[Any]
Writer = Callable[[Event, Array], str]

_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def writer(notes: Notes, *, as_json: bool) -> Writer:
    """What turns an event and its answer (output,) into a line."""
    write = json_line if as_json else plain_line
    return lambda event, y: write(notes, event, y)


def plain_line(notes: Notes, event: Event, y: Array) -> str:
    r"""The key if there is one, then the class or the numbers, with tabs between them.

    >>> plain_line(Notes(classes=("no", "yes")), Event(1, [0.0], "ann"), np.array([0.1, 2.0]))
    'ann\tyes'
    >>> plain_line(Notes(), Event(1, [0.0], None), np.array([0.1, 2.0], dtype=np.float32))
    '0.1\t2.0'
    """
    if notes.classes is not None:
        answer = [notes.classes[int(y.argmax())]]
    else:
        answer = [str(number) for number in y]  # the shortest text that gives the same bits back
    cells = answer if event.key is None else [event.key, *answer]
    return "\t".join(cell.translate(_ESCAPES) for cell in cells)


def json_line(notes: Notes, event: Event, y: Array) -> str:
    """An object: the line, the key, and the class with its probabilities or the numbers.

    >>> json_line(Notes(), Event(7, [0.0], None), np.array([0.5]))
    '{"line": 7, "answer": 0.5}'
    """
    found: dict[str, Any] = {"line": event.line}
    if event.key is not None:
        found["key"] = event.key
    if notes.classes is not None:
        shares = [round(share, 6) for share in probabilities(y).tolist()]
        found["class"] = notes.classes[int(y.argmax())]
        found["probabilities"] = dict(zip(notes.classes, shares, strict=True))
    else:
        numbers = [float(str(number)) for number in y]
        found["answer"] = numbers[0] if len(numbers) == 1 else numbers
    return json.dumps(found, ensure_ascii=False)


def probabilities(logits: Array) -> Array:
    """Softmax over the last axis.

    >>> probabilities(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    values = logits.astype(np.float64)
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    result: Array = shares / shares.sum(axis=-1, keepdims=True)
    return result
