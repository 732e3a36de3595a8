"""Repeating symbols seen long ago: all of them, or those among noise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from recurra.training.tasks.draw import Seed, at_least, generator, one_hot
from recurra.training.tasks.losses import IGNORED
from recurra.training.tasks.rules import ClassSteps
from recurra.training.tasks.task import Task

__all__ = ["copy_memory", "selective_copy"]


def copy_memory(
    count: int, blanks: int = 100, *, copied: int = 10, symbols: int = 8, seed: Seed = 0
) -> Task:
    """Remember ten symbols through T blanks, then repeat them.

    With T = ``blanks``, K = ``copied`` (10) and n = ``symbols`` (8), an input has T + 2K steps: K
    symbols, uniform and independent; T - 1 blanks; one delimiter; K blanks. The answer is T + K
    blanks, then the K symbols in their order. Every step counts.

    Input (time, n + 2) one-hot: the symbols, blank (place n), delimiter (place n + 1). Target: the
    class, n for blank; the delimiter is never an answer, so there are n + 1 outputs. Loss
    "cross_entropy".

    Score: ``loss``, the paper's measure; ``solved``, the fraction of sequences with every step
    right; ``accuracy``, that of steps; ``recalled``, that of the last K steps.
    Baseline: blank for T + K steps, then a uniform guess: loss K log(n) / (T + 2K).

    Some later code asks with K delimiters in place of one, or has an output for the delimiter.

    Args:
        count: sequences.
        blanks: T, the steps from the last symbol to the first answer, at least 1.
        copied: K, symbols to repeat.
        symbols: n, size of the alphabet without blank and delimiter.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent neural networks, ICML
    (arXiv:1511.06464), section 5.1, after Hochreiter & Schmidhuber 1997.

    >>> from recurra.training import tasks
    >>> x, y = tasks.copy_memory(1, blanks=4, copied=3, symbols=8, seed=0).pairs()[0]
    >>> x.argmax(axis=1).tolist()
    [6, 5, 4, 8, 8, 8, 9, 8, 8, 8]
    >>> y.tolist()
    [8, 8, 8, 8, 8, 8, 8, 6, 5, 4]
    >>> round(tasks.copy_memory(1, blanks=100).baseline["loss"], 4)  # 10 log(8) / 120
    0.1733
    """
    for argument, value, least in _limits(count, copied, symbols, "blanks", blanks, 1):
        at_least("copy_memory", argument, value, least)
    blank, delimiter = symbols, symbols + 1
    memories = generator(seed).integers(symbols, size=(count, copied))
    inputs = np.full((count, blanks + 2 * copied), blank, dtype=np.int64)
    targets = inputs.copy()
    inputs[:, :copied] = memories
    inputs[:, copied + blanks - 1] = delimiter
    targets[:, copied + blanks :] = memories
    share = copied / (blanks + 2 * copied)
    return _copying(
        name="copy_memory",
        inputs=inputs,
        targets=targets,
        sizes=(symbols + 2, symbols + 1),
        source=(
            "Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent neural networks, ICML "
            "(arXiv:1511.06464), section 5.1"
        ),
        rule=ClassSteps(recalled=copied),
        baseline={
            "solved": float(symbols) ** -copied,
            "accuracy": 1.0 - share * (1.0 - 1.0 / symbols),
            "recalled": 1.0 / symbols,
            "loss": share * math.log(symbols),
        },
    )


def selective_copy(
    count: int, length: int = 4096, *, copied: int = 16, symbols: int = 14, seed: Seed = 0
) -> Task:
    """Pick the few symbols out of noise, then repeat them in their order.

    With L = ``length`` (4096), K = ``copied`` (16) and n = ``symbols`` (14): L steps of noise but
    for K places, drawn uniformly without repetition, which hold uniform independent symbols; then
    K steps of the marker, at each of which the next symbol is due. The places differ from
    sequence to sequence, so that counting steps does not help: a model has to choose by content.

    Input (time, n + 2) one-hot: the symbols, noise (place n), marker (place n + 1), a vocabulary
    of 16. Target: the class at the last K steps, -100 (does not count) before. Loss
    "cross_entropy", n outputs.

    Score: ``accuracy``, the paper's measure, the fraction of symbols right; ``solved``, that of
    sequences with all of them right. Baseline: a uniform guess: loss log(n), accuracy 1/n.

    The paper's "sequences of length 4096" leaves open whether the K questions are part of it;
    here, as in the authors' state-spaces code, they come on top. There L counts the noise alone.

    Args:
        count: sequences.
        length: L, steps of noise and symbols, at least ``copied``.
        copied: K, symbols to repeat.
        symbols: n, size of the alphabet without noise and marker.
        seed: a whole number, or a numpy Generator to draw on from.

    Raises:
        ValueError: an argument is out of its range.

    Source: Gu & Dao 2023, Mamba: linear-time sequence modeling with selective state spaces
    (arXiv:2312.00752), section 4.1.1; so used by Feng et al. 2024, Were RNNs all we needed?
    (arXiv:2410.01201). Before, with one marker: the denoise task of Jing et al. 2019, Gated
    orthogonal recurrent units, Neural Computation 31(4).

    >>> from recurra.training import tasks
    >>> x, y = tasks.selective_copy(1, length=8, copied=3, seed=2).pairs()[0]
    >>> x.argmax(axis=1).tolist()
    [14, 11, 3, 14, 14, 14, 1, 14, 15, 15, 15]
    >>> y.tolist()
    [-100, -100, -100, -100, -100, -100, -100, -100, 11, 3, 1]
    """
    for argument, value, least in _limits(count, copied, symbols, "length", length, copied):
        at_least("selective_copy", argument, value, least)
    noise, marker = symbols, symbols + 1
    rng = generator(seed)
    memories = rng.integers(symbols, size=(count, copied))
    inputs = np.full((count, length + copied), noise, dtype=np.int64)
    inputs[:, length:] = marker
    for row, memory in zip(inputs, memories, strict=True):
        row[np.sort(rng.choice(length, size=copied, replace=False))] = memory
    targets = np.full_like(inputs, IGNORED)
    targets[:, length:] = memories
    return _copying(
        name="selective_copy",
        inputs=inputs,
        targets=targets,
        sizes=(symbols + 2, symbols),
        source=(
            "Gu & Dao 2023, Mamba: linear-time sequence modeling with selective state spaces "
            "(arXiv:2312.00752), section 4.1.1"
        ),
        rule=ClassSteps(),
        baseline={
            "solved": float(symbols) ** -copied,
            "accuracy": 1.0 / symbols,
            "loss": math.log(symbols),
        },
    )


def _limits(
    count: int, copied: int, symbols: int, argument: str, value: int, least: int
) -> list[tuple[str, int, int]]:
    return [
        ("count", count, 0),
        ("copied", copied, 1),
        ("symbols", symbols, 2),
        (argument, value, least),
    ]


def _copying(
    name: str,
    inputs: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    sizes: tuple[int, int],
    source: str,
    rule: ClassSteps,
    baseline: dict[str, float],
) -> Task:
    input_size, output_size = sizes
    return Task(
        name=name,
        inputs=[one_hot(row, input_size) for row in inputs],
        targets=list(targets),
        kind="steps",
        loss="cross_entropy",
        input_size=input_size,
        output_size=output_size,
        source=source,
        rule=rule,
        baseline=baseline,
    )
