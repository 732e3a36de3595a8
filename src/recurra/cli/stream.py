"""``recurra stream``: an answer for every event, as soon as it is read."""

from __future__ import annotations

import io
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from recurra.errors import DataError

__all__ = ["stream"]


class Format(str, Enum):
    """How events are written."""

    csv = "csv"
    jsonl = "jsonl"


def stream(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")],
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Events; standard input if left out or -."),
    ] = "-",
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep the state here: go on from it if it exists, write it at the end.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="One state for each value of this column. Answers begin with it and a tab.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer in JSON Lines, with probabilities.")
    ] = False,
    format: Annotated[
        Format | None,
        typer.Option(
            help="csv or jsonl. Else the file's ending or the first line tells.",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Answer events one by one: a line in, a line out.

    Events are lines of CSV, with names in the first line or numbers only, or of JSON: objects,
    lists or numbers. Columns that the model does not know are passed over.

    The state is saved at the end, on Ctrl-C, SIGTERM and SIGHUP, when the reader goes away, and
    when an event cannot be used: always as it is after the last answer.

    Example: tail -f events.csv | recurra stream model.recurra --key user
    """
    if file != "-" and not Path(file).exists():
        raise DataError(f"{file}: there is no such file.")
    from recurra.cli.answering import answer_all
    from recurra.cli.answers import writer
    from recurra.cli.notes import read_notes
    from recurra.cli.states import States
    from recurra.data import events
    from recurra.streaming import load

    loaded = load(model)
    loaded.stream()  # refuses a model that cannot be streamed
    notes = read_notes(loaded.notes, loaded.input_size, loaded.output_size)
    if key is not None and key in (notes.features or ()):
        raise DataError(
            f"--key {key}: is a feature of the model. Name the column that tells whose."
        )
    states = States(loaded, state, keyed=key is not None)
    incoming = events(
        file,
        columns=notes.features,
        key=key,
        width=1 if loaded.takes_indices else loaded.input_size,
        format=None if format is None else format.value,
    )
    _prepare_output()
    if file == "-" and sys.stdin.isatty():
        _invite(notes.features, loaded.input_size)
    source = "<stdin>" if file == "-" else file
    answer_all(loaded, incoming, states, writer(notes, as_json=as_json), source)


def _prepare_output() -> None:
    """Answers leave as UTF-8, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _invite(features: tuple[str, ...] | None, size: int | None) -> None:
    from recurra.data.words import listed

    what = f"{size} numbers" if size else "numbers"
    if features is not None:
        what = listed(features)
    typer.echo(f"Events, one a line ({what}); Ctrl-D ends.", err=True)
