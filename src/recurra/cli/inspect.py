"""``recurra inspect``: what a model is, and what it does inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.errors import DataError

__all__ = ["inspect"]


def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")],
    input: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Run the model on a sequence of this file and draw its states and gates.",
            show_default=False,
        ),
    ] = None,
    sequence: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The sequence to draw. Else the first.", show_default=False
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column that tells sequences apart. Else as in the training.",
            show_default=False,
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the picture goes; its ending chooses the format. [default: states.png]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what a model is, and draw what it does inside.

    Prints its layers, sizes, equations, parameters, state and notes. With --input it also draws
    the inputs, states, gates and answers over the steps of a sequence.

    Example: recurra inspect model.recurra --input recordings.csv --sequence 7
    """
    if input is None and (picture or sequence or key) is not None:
        raise DataError("inspect: a picture needs a sequence to draw. Give its file with --input.")
    from recurra.cli.describing import describe
    from recurra.streaming import load

    loaded = load(model)
    if input is None:
        describe(model, loaded)
        return
    from recurra.cli.inputs import read_sequence
    from recurra.cli.notes import read_notes
    from recurra.cli.pictures import check_picture, draw

    drawn = Path("states.png") if picture is None else picture
    check_picture(drawn)
    notes = read_notes(loaded.notes, loaded.input_size, loaded.output_size)
    chosen = read_sequence(input, notes, loaded.input_size, key=key, wanted=sequence)
    describe(model, loaded)
    draw(model, notes, chosen, drawn)
