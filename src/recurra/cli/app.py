"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from recurra._version import __version__
from recurra.cli.demo import demo
from recurra.cli.errors import one_line_errors
from recurra.cli.inspect import inspect
from recurra.cli.states import states
from recurra.cli.stream import stream
from recurra.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    help="Recurrent layers that remember: train them, stream them, look inside.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def recurra(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Recurrent layers that remember: train them, stream them, look inside."""


for command in (demo, train, stream, inspect):
    app.command()(one_line_errors(command))
app.add_typer(states, name="states")
