"""The first three acts: what a layer without a state cannot do, and what a state is for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from rich.console import Console
from rich.table import Table

from recurra.cells import Repeats, Seen
from recurra.training import tasks

__all__ = ["hand_set_cells", "two_input_window", "without_a_state"]

SYMBOLS = 10
LENGTH = 32


def without_a_state(console: Console) -> None:
    """F(x) = 2x answers 6 to 3, whenever it is asked."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 2.0)
    with torch.no_grad():
        answers = [layer(torch.tensor([3.0])).item() for _ in range(3)]
    console.rule("1  A layer without a state", align="left")
    console.print(
        f"F(x) = 2x, asked three times:  {'   '.join(f'F(3) = {y:g}' for y in answers)}\n"
        "It cannot say “3 again”: to the same input it gives the same answer.\n"
    )


def two_input_window(console: Console) -> None:
    """A window of two inputs sees a repeat, and not what came before the window."""
    console.rule("2  Two inputs at once", align="left")
    stream = [3, 0, 3, 3]
    answers = [_equal(now, before) for before, now in pairwise(stream)]
    shown = "   ".join(
        f"F({now}; {before}) = {y}"
        for before, now, y in zip(stream, stream[1:], answers, strict=False)
    )
    console.print(f"F(now; before) = 1 where both are equal:  {shown}")
    one, other = [3, 5, 3], [4, 5, 3]
    console.print(
        f"But has the last symbol been seen at all? In {_row(one)} it has ({_seen(one)[-1]}), "
        f"in {_row(other)} it has not ({_seen(other)[-1]}). "
        f"A window of two sees {_row(one[-2:])} both times, so one of its answers is wrong. "
        f"The best that windows can do on 1,000 sequences of {LENGTH} symbols:\n"
    )
    table = Table("window", "right answers", box=None, pad_edge=False)
    for width in (1, 2, 4, 8, 16, LENGTH):
        table.add_row(f"{width} symbol{'s' * (width > 1)}", f"{_best_window(width):.1%}")
    console.print(table)
    console.print(
        "\nOnly the one as long as the sequence has it right, and the next may be longer.\n"
    )


def hand_set_cells(console: Console) -> None:
    """Two cells with no weights to learn, fed the same symbols."""
    console.rule("3  A layer with a state", align="left")
    console.print("H_0 = 0     H_t = f(x_t, H_{t-1})     y_t = g(H_t)\n")
    digits = [3, 0, 3, 3, 5, 0]
    table = Table(box=None, pad_edge=False, title_justify="left")
    for head in ("x_t", "Repeats: last", "answer", "Seen: seen", "answer"):
        table.add_column(head)
    repeats, seen = Repeats(SYMBOLS), Seen(SYMBOLS)
    repeats_state, seen_state = repeats.initial_state(1), seen.initial_state(1)
    for digit in digits:
        x = torch.eye(SYMBOLS)[[digit]]
        same, repeats_state = repeats.step(repeats_state, x)
        again, seen_state = seen.step(seen_state, x)
        table.add_row(
            f"{digit}",
            _symbols(repeats_state.last),
            f"{same.item():g}",
            _symbols(seen_state.seen),
            f"{again.item():g}",
        )
    console.print(table)
    console.print("\nThe same 3 is answered by 0 and then by 1: the state remembers.\n")


def _equal(now: int, before: int) -> int:
    return int(now == before)


def _seen(digits: Sequence[int]) -> list[int]:
    return [int(digit in digits[:t]) for t, digit in enumerate(digits)]


def _row(digits: Sequence[int]) -> str:
    return "[bold]" + " ".join(map(str, digits)) + "[/bold]"


def _symbols(one_hot: torch.Tensor) -> str:
    return "{" + " ".join(str(k) for k in one_hot[0].nonzero().flatten().tolist()) + "}"


def _best_window(width: int) -> float:
    """Accuracy of the best rule that looks at the last `width` symbols only.

    A symbol that stands twice in the window has been seen. One that does not may have been seen
    earlier; the best rule gives it whichever answer is the more common one in these sequences.
    """
    task = tasks.seen(1000, length=LENGTH, symbols=SYMBOLS, seed=1)
    missed = [0, 0]
    total = 0
    for x, y in task.pairs():
        digits = x.argmax(axis=1).tolist()
        for t, digit in enumerate(digits):
            if digit not in digits[max(0, t - width + 1) : t]:
                missed[int(y[t, 0])] += 1
            total += 1
    return 1 - min(missed) / total
