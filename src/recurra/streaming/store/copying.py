"""Copies of a store that hold what is in use and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from recurra.atomic import flush_folder
from recurra.errors import StoreError
from recurra.streaming.store.environment import DATA, NEW, Environment

__all__ = ["copy_to", "replace"]


def copy_to(environment: Environment, folder: Path) -> None:
    """Make a folder that holds a copy: whole or not at all.

    Raises:
        StoreError: it could not be written, or there is something already.
    """
    if folder.exists():
        raise StoreError(f"{folder}: there is something already. Name a folder that is not there.")
    beside = folder.with_name(f".{folder.name[:100]}.{os.urandom(8).hex()}")
    try:
        beside.mkdir()
        try:
            environment.copy(beside)
            flush_folder(beside)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        flush_folder(folder.parent)
    except OSError as error:
        raise _told(error, folder) from error


def replace(environment: Environment, file: Path) -> None:
    """Put a copy in the place of the environment's own file, which is open again afterwards.

    Raises:
        StoreError: it could not be written; the former file is still there.
    """
    beside = file.with_name(f"{NEW}{os.urandom(8).hex()}")
    try:
        beside.mkdir()
        try:
            environment.copy(beside)
            environment.close()
            try:
                (beside / DATA).replace(file)
                flush_folder(file.parent)
            finally:
                environment.open()
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise _told(error, file.parent) from error


def _told(error: OSError, folder: Path) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return StoreError(f"{folder}: cannot be written ({error.strerror}).")
