"""``recurra train``: from a table to a model file."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.errors import in_options
from recurra.errors import DataError, ModelFileError

if TYPE_CHECKING:
    from recurra.cli.problems import Problem

__all__ = ["train"]

CELLS = ("elman", "gru", "lstm")


class KindName(str, Enum):
    """What to learn, where it cannot be told from the target."""

    classify_sequences = "classify_sequences"
    tag_steps = "tag_steps"
    regress_sequences = "regress_sequences"
    regress_steps = "regress_steps"


def train(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="A table, one row a step: CSV, JSON Lines, Parquet or Arrow. Or give --data.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A built-in data set: japanese-vowels or water-flow.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The column to learn.", metavar="COLUMN", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where the model goes.")
    ] = Path("model.recurra"),
    sequence: Annotated[
        str | None,
        typer.Option(
            help="The column that tells sequences apart.", metavar="COLUMN", show_default=False
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="The column that orders the steps.", metavar="COLUMN", show_default=False
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="The columns to learn from, with commas between them.",
            metavar="COLUMNS",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        KindName | None,
        typer.Option(
            help="classify_sequences, tag_steps, regress_sequences or regress_steps. Else the "
            "target tells.",
            metavar="KIND",
            show_default=False,
        ),
    ] = None,
    cell: Annotated[
        str, typer.Option(help="The recurrent cell: elman, gru or lstm.", metavar="NAME")
    ] = "gru",
    hidden: Annotated[int, typer.Option(min=1, metavar="N", help="Units of each layer.")] = 64,
    layers: Annotated[int, typer.Option(min=1, metavar="N", help="Recurrent layers.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Passes over the data. Else as many as the amount of data suggests.",
            metavar="N",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**32 - 1, metavar="N", help="The same seed gives the same model."),
    ] = 0,
) -> None:
    """Train a model on a table or a built-in data set and save it.

    Says what it took for what, holds out a part that training never sees, and ends with the score
    on that part. Columns that are not named are recognised by usual names such as id and time.

    Example: recurra train --data japanese-vowels --out vowels.recurra
    """
    if (table is None) == (data is None):
        raise DataError("train: give either a table or --data NAME.")
    _check_out(out, table)
    _check_cell(cell)
    if table is not None:
        if target is None:
            raise DataError(f"{table}: which column is to be learned? Say --target COLUMN.")
        from recurra.cli.problems import from_table

        problem = from_table(
            table,
            target=target,
            sequence=sequence,
            time=time,
            features=None if features is None else _names(features),
            kind=None if kind is None else kind.value,
            seed=seed,
        )
    else:
        assert data is not None
        _refuse_columns(target=target, sequence=sequence, time=time, features=features, kind=kind)
        from recurra.cli.problems import from_data_set

        problem = from_data_set(data)
    _train_and_save(problem, out, cell, hidden, layers, epochs, seed)


def _train_and_save(
    problem: Problem,
    out: Path,
    cell: str,
    hidden: int,
    layers: int,
    epochs: int | None,
    seed: int,
) -> None:
    from recurra.cli.console import tell
    from recurra.cli.problems.learning import Settings, learn
    from recurra.streaming import save

    settings = Settings(cell=cell, hidden=hidden, layers=layers, epochs=epochs, seed=seed)
    for sentence in problem.sentences:
        tell(in_options(sentence))
    tell(f"Model: {settings.describe(problem)}.")
    learned = learn(problem, settings)
    notes = problem.notes(() if learned.classes is None else learned.classes, learned.score.numbers)
    save(learned.model, out, notes=notes)
    tell(f"Trained: in {learned.seconds:.1f} s.")
    tell(f"Score: {learned.score.sentence}")
    tell(f"Saved: {out} ({out.stat().st_size / 1000:.0f} kB).")
    key = f" --key {problem.columns['sequence']}" if "sequence" in problem.columns else ""
    tell(f"Next: recurra stream {out} EVENTS{key}")


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",") if name.strip()]


def _check_out(out: Path, table: Path | None) -> None:
    """Fail before minutes of training, not after."""
    if out.is_dir():
        raise DataError(f"{out}: is a folder, expected the name of a file.")
    if not out.parent.is_dir():
        raise DataError(f"{out}: there is no folder {out.parent}. Make it first.")
    if not os.access(out.parent, os.W_OK):
        raise DataError(f"{out}: the folder {out.parent} cannot be written to.")
    if table is not None and out.exists() and table.exists() and out.samefile(table):
        raise DataError(f"{out}: is the table. Give the model another name with --out.")
    if out.exists() and out.stat().st_size:
        _check_is_model(out)


def _check_is_model(out: Path) -> None:
    """Only a model may be replaced by one."""
    from recurra.streaming.modelfile import read_model

    try:
        read_model(out)
    except ModelFileError as error:
        raise DataError(
            f"{out}: is there already and is no model file of recurra. Give the model another "
            f"name with --out, or remove the file."
        ) from error


def _check_cell(cell: str) -> None:
    if cell not in CELLS:
        from recurra.data.words import missing_name

        raise DataError(f"--cell: {missing_name('cell', cell, CELLS)}")


def _refuse_columns(**given: object) -> None:
    for option, value in given.items():
        if value is not None:
            raise DataError(f"--{option}: is for tables; a built-in data set has its own columns.")
