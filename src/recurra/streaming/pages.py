"""A model described on a page of text."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.engine import Engine

__all__ = ["page"]


def page(engine: Engine, tree: dict[str, Any], fingerprint: str, untraced: str) -> str:
    """The layers, sizes, state and equations of a model.

    Args:
        engine: the model ready to run.
        tree: what it is.
        fingerprint: of the model.
        untraced: why it is not the native engine that runs it.
    """
    numbers = sum(math.prod(slot.shape) for slot in engine.slots.values())
    size = sum(math.prod(slot.shape) * slot.dtype.itemsize for slot in engine.slots.values())
    slots = ", ".join(f"{name} {_shape(slot.shape)}" for name, slot in engine.slots.items())
    facts = {
        "takes": _features(engine.input_size) if engine.event_dims else "one index",
        "answers": _features(engine.output_size),
        "type": engine.output_type.name,
        "parameters": f"{engine.parameters:,}",
        "state": f"{slots}: {numbers:,} numbers, {size:,} bytes a stream" if slots else "none",
        "engine": f"{engine.name}: {untraced}" if untraced else engine.name,
        "fingerprint": fingerprint,
    }
    lines = list(_lines("", tree, 0))
    lines += ["", *(f"{name:<12} {value}" for name, value in facts.items())]
    for name, text in engine.equations().items():
        if text:
            lines += ["", name, "", textwrap.indent(text, "    ")]
    return "\n".join(lines)


def _lines(name: str, node: dict[str, Any], depth: int) -> Iterator[str]:
    """A line for a module, then those for its parts."""
    arguments = ", ".join(f"{key}={json.dumps(value)}" for key, value in node["config"].items())
    kind = node["kind"].removeprefix("recurra.")
    called = f"{name}: " if name else ""
    yield f"{'  ' * depth}{called}{kind}" + (f"({arguments})" if arguments else "")
    for argument, part in node["modules"].items():
        parts = enumerate(part) if isinstance(part, list) else [(argument, part)]
        for tail, inner in parts:
            yield from _lines(str(tail), inner, depth + 1)


def _features(size: int | None) -> str:
    return "any number of features" if size is None else f"{size} feature{'s' * (size != 1)}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
