"""The check of a store's file before LMDB sees it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["check_file", "check_head"]


def check_head(file: Path) -> None:
    pass


def check_file(file: Path, *, tries: int = 1) -> None:
    pass
