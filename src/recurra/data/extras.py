"""Import of optional packages at the moment they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from recurra.errors import MissingExtraError


def require(module: str, extra: str) -> Any:
    """Import ``module``, or say which of recurra's extras brings it.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError.named(module.partition(".")[0], extra) from error
