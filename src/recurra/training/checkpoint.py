"""A training kept on disk, so that after a kill it goes on to the same numbers."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from recurra.atomic import write_atomically
from recurra.errors import ModelFileError, TrainingError

__all__ = ["PARTS", "check_belongs", "read_checkpoint", "write_checkpoint"]

FORMAT = "recurra training checkpoint"
VERSION = 1
PARTS = ("config", "model", "best", "optimizer", "schedule", "history", "random", "shuffler")

# What torch.load raises for files that are whole, but not what it takes.
_UNREADABLE = (
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
)


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint that can be read back, whole or not at all.

    Args:
        path: the file.
        content: the `PARTS`: tensors and plain values, in dicts, lists and tuples.

    Raises:
        TrainingError: the content cannot be read back without executing code.
        OSError: the file cannot be written.
    """
    memory = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **content}, memory)
    memory.seek(0)
    try:
        torch.load(memory, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise TrainingError(
            f"fit: checkpoint cannot hold the state of this model, optimizer or schedule, because "
            f"it is not made of tensors and plain values: {_first_line(error)}"
        ) from error
    write_atomically(path, memory.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint; nothing in the file is executed.

    Raises:
        ModelFileError: the file is truncated, altered, of another version or not a checkpoint.
    """
    try:
        _check_bytes(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ModelFileError(
            f"fit: checkpoint {path} is truncated, altered or not a checkpoint of recurra "
            f"({_first_line(error)}). Delete it to train from the start, or name another file."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(
            f"fit: checkpoint {path} is a torch file, but not a checkpoint of recurra. Name "
            f"another file, so that this one is not overwritten."
        )
    if content.get("version") != VERSION:
        raise ModelFileError(
            f"fit: checkpoint {path} has version {content.get('version')}, expected {VERSION}. "
            f"Go on with the recurra that wrote it, or delete it to train from the start."
        )
    for part in PARTS:
        if part not in content:
            raise ModelFileError(
                f"fit: checkpoint {path} has no {part}. Delete it to train from the start."
            )
    return content


def _check_bytes(path: Path) -> None:
    """Torch's files are zip archives with checksums, which torch itself does not compare."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} has another checksum")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def check_belongs(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another training.

    Raises:
        TrainingError: a setting differs; the message names it.
    """
    for name, value in wanted.items():
        if found.get(name) != value:
            raise TrainingError(
                f"fit: checkpoint {path} belongs to another training: its {name} is "
                f"{_short(found.get(name))}, and here it is {_short(value)}. Delete the file to "
                f"train from the start, or name another one."
            )


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else f"{text[:117]}..."
