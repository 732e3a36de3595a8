"""Where the commands write for people; answers go to standard output by themselves."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["console", "tell"]

# Numbers and quotes in the middle of a sentence are not to be coloured.
console = Console(highlight=False)

_LABEL = 10  # characters; the longest is "Sequences"


def tell(sentence: str) -> None:
    """A sentence "Label: text", in two columns on a terminal and as it is elsewhere."""
    label, _, text = sentence.partition(": ")
    if not console.is_terminal:
        console.print(sentence, markup=False, soft_wrap=True)
        return
    row = Table.grid(padding=(0, 1))
    row.add_column(width=_LABEL)
    row.add_column()
    row.add_row(Text(label, style="bold cyan"), Text(text))
    console.print(row)
