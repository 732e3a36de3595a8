"""Figures without a window system: made for files, embedded in notebooks by their own repr."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from recurra.atomic import write_atomically
from recurra.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_format", "new_figure", "save_figure"]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.

    >>> new_figure(4, 3).get_size_inches().tolist()
    [4.0, 3.0]
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError.named("matplotlib", "draw") from error
    return Figure(figsize=(width, height), layout="constrained")


def check_format(path: str | PathLike[str]) -> None:
    """Make sure that a picture of this name can be drawn, before the work for it is done.

    Raises:
        DataError: no format has this ending.
        MissingExtraError: matplotlib is not installed.

    >>> check_format("states.svg")
    """
    path = Path(path)
    known = new_figure(1, 1).canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise DataError(
            f"{path}: cannot draw to {path.suffix or 'a name without an ending'}, "
            f"expected one of {', '.join(sorted(known))}."
        )


def save_figure(figure: Figure, path: str | PathLike[str]) -> Path:
    """Write a figure; the ending of the name chooses the format.

    Args:
        figure: a figure of matplotlib's.
        path: for example ``states.png`` or ``states.svg``.

    Returns:
        The path.

    Raises:
        DataError: no format has this ending.
        OSError: the file cannot be written; a former picture is then still whole.

    >>> import tempfile
    >>> save_figure(new_figure(4, 3), tempfile.mkdtemp() + "/empty.png").name
    'empty.png'
    """
    path = Path(path)
    check_format(path)
    drawn = io.BytesIO()  # whole, before anything is written
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=120)
    write_atomically(path, drawn.getvalue())
    return path
