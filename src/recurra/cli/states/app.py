"""The commands of ``recurra states``; what they do is loaded when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.errors import one_line_errors
from recurra.cli.states.options import AsJson, Folder, Kind, KindOfKey

__all__ = ["states"]

states = typer.Typer(
    help="Look at and move the states that `recurra stream --state FOLDER` keeps.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def ls(folder: Folder, as_json: AsJson = False) -> None:
    """List the keys and when each was last seen.

    On a terminal the first 50; in a pipe all, as lines of key, kind and time with tabs between.
    A stream may be running.
    """
    from recurra.cli.states.looking import list_keys

    list_keys(folder, as_json=as_json)


def show(
    folder: Folder,
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY",
            help="Whose state; '' is that of a stream without keys. Without it: the whole.",
            show_default=False,
        ),
    ] = None,
    kind: KindOfKey = Kind.text,
    as_json: AsJson = False,
) -> None:
    """Say what a folder holds and how far it has come, or show one state.

    A stream may be running.
    """
    from recurra.cli.states.looking import show_folder, show_key

    if key is None:
        show_folder(folder, as_json=as_json)
    else:
        show_key(folder, key, kind, as_json=as_json)


def check(folder: Folder) -> None:
    """Read everything and compare every checksum; exit code 2 if something is damaged."""
    from recurra.cli.states.looking import check_folder

    check_folder(folder)


def reset(
    folder: Folder,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY...", help="Whose states go.", show_default=False),
    ] = None,
    kind: KindOfKey = Kind.text,
    everything: Annotated[bool, typer.Option("--all", help="All states go.")] = False,
    position: Annotated[
        bool,
        typer.Option("--position", help="Forget how far the input was read: --resume starts it."),
    ] = False,
) -> None:
    """Set states back: their keys start at H_0 with their next event."""
    from recurra.cli.states.tidying import reset_states

    reset_states(folder, keys or [], kind, everything=everything, position=position)


def export(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; a Parquet file.")],
) -> None:
    """Write all states to a Parquet file, for other programs and other folders.

    A stream may be running.
    """
    from recurra.cli.states.moving import export_states

    export_states(folder, file)


def import_(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Whose states they are, where the folder is to be made.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take the states of a Parquet file in; they replace those of the same keys."""
    from recurra.cli.states.moving import import_states

    import_states(folder, file, model)


def compact(folder: Folder) -> None:
    """Give back the room of what was reset and rewritten."""
    from recurra.cli.states.tidying import compact_folder

    compact_folder(folder)


for command in (ls, show, reset, export, import_, compact, check):
    states.command(command.__name__.rstrip("_"))(one_line_errors(command))
