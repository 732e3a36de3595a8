"""``recurra stream``: an answer for every event, as soon as it is read."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.settings import COMMIT_EVERY, MAX_BATCH, MAX_DELAY, Settings
from recurra.errors import DataError

__all__ = ["stream"]


class Format(str, Enum):
    """How events are written."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    arrow = "arrow"


def stream(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")],
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Events; standard input if left out or -."),
    ] = "-",
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="One state for each value of this column. Answers begin with it and a tab.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep the states here, through crashes too; go on from those that are there.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on in the input where --state was left: no event twice, none lost."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answers go here. With --resume each is in it once.",
            show_default=False,
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Events that cannot be used go here: line, reason and text as JSON Lines.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer in JSON Lines, with probabilities.")
    ] = False,
    format: Annotated[
        Format | None,
        typer.Option(
            help="Of the events: csv, jsonl, parquet or arrow. Else the file's ending or its "
            "beginning tells.",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None,
    max_delay: Annotated[
        float,
        typer.Option(metavar="MS", min=0, help="An event waits so long for others to join it."),
    ] = MAX_DELAY,
    max_batch: Annotated[
        int, typer.Option(metavar="N", min=1, help="So many events are answered at once.")
    ] = MAX_BATCH,
    commit_every: Annotated[
        str,
        typer.Option(
            metavar="MS", help="How often states become durable, or: batch, before the next one."
        ),
    ] = COMMIT_EVERY,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Give answers out only when their states are durable."),
    ] = False,
) -> None:
    """Answer events: a line in, a line out.

    Events are lines of CSV, with names in the first line or numbers only, or of JSON: objects,
    lists or numbers; or rows of Parquet or Arrow. Columns that the model does not know are passed
    over. An event that cannot be used moves no state and stops nothing.

    Ctrl-C, SIGTERM and SIGHUP finish the batch, make it durable, and say how to go on.

    Example: tail -f events.csv | recurra stream model.recurra --key user --state states
    """
    if file != "-" and not Path(file).exists():
        raise DataError(f"{file}: there is no such file.")
    from recurra.cli.streaming import run

    settings = Settings(
        model=model,
        file=file,
        key=key,
        state=state,
        resume=resume,
        out=out,
        rejects=rejects,
        as_json=as_json,
        format=None if format is None else format.value,
        max_delay=max_delay / 1000,
        max_batch=max_batch,
        commit_every=_seconds(commit_every),
        hold=hold,
    )
    if state is None and (resume or hold):
        option = "--resume" if resume else "--hold"
        raise DataError(f"{option}: needs the folder that keeps the states. Name it with --state.")
    code = run(settings)
    if code:
        raise typer.Exit(code)


def _seconds(every: str) -> float:
    if every == "batch":
        return 0.0
    try:
        milliseconds = float(every)
    except ValueError:
        milliseconds = -1.0
    if not 0 <= milliseconds < float("inf"):
        raise DataError(f"--commit-every {every}: is neither milliseconds nor: batch.")
    return milliseconds / 1000
