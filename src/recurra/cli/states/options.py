"""Arguments that several commands of ``recurra states`` share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Folder", "Kind", "KindOfKey"]


class Kind(str, Enum):
    """What a key is."""

    text = "text"
    int = "int"
    bytes = "bytes"


Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that --state names.")]
AsJson = Annotated[bool, typer.Option("--json", help="In JSON, an object a line.")]
KindOfKey = Annotated[
    Kind,
    typer.Option(
        metavar="KIND",
        help="Of the key: text, as `recurra stream` makes it; int; or bytes, given as hex digits.",
    ),
]
