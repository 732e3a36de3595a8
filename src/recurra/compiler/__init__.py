"""From torch layers to programs, and from programs to what an engine runs.

Only `trace` knows torch; it is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra.compiler.differentiate import differentiate
from recurra.compiler.draws import Draw
from recurra.compiler.heads import one_head_each
from recurra.compiler.simplify import shared_values, simplify, split_once

if TYPE_CHECKING:
    from recurra.compiler.tracing import Traced, trace

__all__ = [
    "Draw",
    "Traced",
    "differentiate",
    "one_head_each",
    "shared_values",
    "simplify",
    "split_once",
    "trace",
]

_OF_TORCH = {"Traced", "trace"}


def __getattr__(name: str) -> Any:
    if name not in _OF_TORCH:
        raise AttributeError(f"module 'recurra.compiler' has no attribute {name!r}")
    from recurra.compiler import tracing

    return getattr(tracing, name)
