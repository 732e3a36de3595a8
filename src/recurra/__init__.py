"""Recurrent layers that remember.

A layer is stated as a triple: a state H that starts at H_0, an update f and an output g. Importing
recurra loads no torch; the names that need it load it when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from recurra._version import __version__
from recurra.errors import (
    DataError,
    MissingExtraError,
    ModelFileError,
    NotStreamableError,
    PlanError,
    ProgramError,
    RecurraError,
    ShapeError,
    StateError,
    StoreError,
    StoreFileError,
    StoreLockedError,
    TraceError,
    TrainingError,
    UnknownKeyError,
)

if TYPE_CHECKING:
    from recurra import (
        cells,
        compiler,
        data,
        drawing,
        interop,
        layers,
        nn,
        program,
        streaming,
        training,
    )
    from recurra.cells import Cell
    from recurra.engine.blocks import empty_cache
    from recurra.engine.explaining import explain
    from recurra.engine.threads import get_threads, set_threads
    from recurra.layers import Bidirectional, Recurrent, Residual, Stack
    from recurra.nn import accelerate
    from recurra.streaming import Model, Stream, Streams, load, save

__all__ = [
    "Bidirectional",
    "Cell",
    "DataError",
    "MissingExtraError",
    "Model",
    "ModelFileError",
    "NotStreamableError",
    "PlanError",
    "ProgramError",
    "RecurraError",
    "Recurrent",
    "Residual",
    "ShapeError",
    "Stack",
    "StateError",
    "StoreError",
    "StoreFileError",
    "StoreLockedError",
    "Stream",
    "Streams",
    "TraceError",
    "TrainingError",
    "UnknownKeyError",
    "__version__",
    "accelerate",
    "cells",
    "compiler",
    "data",
    "drawing",
    "empty_cache",
    "explain",
    "get_threads",
    "interop",
    "layers",
    "load",
    "nn",
    "program",
    "save",
    "set_threads",
    "streaming",
    "training",
]

_HOMES = {
    "Bidirectional": "recurra.layers",
    "Cell": "recurra.cells",
    "Model": "recurra.streaming",
    "Recurrent": "recurra.layers",
    "Residual": "recurra.layers",
    "Stack": "recurra.layers",
    "Stream": "recurra.streaming",
    "Streams": "recurra.streaming",
    "accelerate": "recurra.nn",
    "empty_cache": "recurra.engine.blocks",
    "explain": "recurra.engine.explaining",
    "get_threads": "recurra.engine.threads",
    "load": "recurra.streaming",
    "save": "recurra.streaming",
    "set_threads": "recurra.engine.threads",
}
_SUBPACKAGES = {
    "cells",
    "compiler",
    "data",
    "drawing",
    "interop",
    "layers",
    "nn",
    "program",
    "streaming",
    "training",
}


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return _import(f"recurra.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'recurra' has no attribute {name!r}")
    value = getattr(_import(_HOMES[name]), name)
    globals()[name] = value
    return value


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise MissingExtraError.named("torch", "train") from error
        raise


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
