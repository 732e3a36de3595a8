"""Which of recurra's extras brings a package that is missing."""

from __future__ import annotations

from recurra.errors import MissingExtraError

__all__ = ["missing_extra"]

_EXTRAS = {
    "lmdb": "cli",
    "matplotlib": "draw",
    "orjson": "cli",
    "pyarrow": "cli",
    "rich": "cli",
    "scipy": "train",
    "sklearn": "train",
    "torch": "train",
    "typer": "cli",
}


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The error that says how to install the package, if it is one of ours to name.

    >>> print(missing_extra(ModuleNotFoundError(name="sklearn.base")))
    sklearn is not installed. Install it with: pip install "recurra[train]"
    """
    package = (error.name or "").partition(".")[0]
    return MissingExtraError.named(package, _EXTRAS[package]) if package in _EXTRAS else None
