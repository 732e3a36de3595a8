"""Attributes that a step must leave as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from recurra.errors import TraceError

__all__ = ["attributes_stay"]


@contextmanager
def attributes_stay(module: nn.Module) -> Iterator[None]:
    """Refuse a step that remembers something in an attribute, and put back what it changed.

    Raises:
        TraceError: an attribute of the module or of one inside is another object than before, or
            is a list, dict or set of other objects.

    >>> cell = nn.Identity()
    >>> cell.steps = 0
    >>> with attributes_stay(cell):
    ...     cell.steps += 1
    Traceback (most recent call last):
    recurra.errors.TraceError: Identity changes its attribute 'steps' in a step, where no stream \
and no program would find it again. Keep it in the state.
    >>> cell.steps
    0
    """
    before = [
        (each, {name: (value, _parts(value)) for name, value in vars(each).items()})
        for each in module.modules()
    ]
    yield
    changed = [(each, name) for each, was in before for name in _restore(vars(each), was)]
    if changed:
        each, name = changed[0]
        raise TraceError(
            f"{type(each).__name__} changes its attribute {name!r} in a step, where no stream and "
            f"no program would find it again. Keep it in the state."
        )


def _parts(value: Any) -> list[Any] | None:
    """What can change in a value without another value taking its place."""
    if isinstance(value, dict):
        return [part for item in value.items() for part in item]
    return list(value) if isinstance(value, (list, set)) else None


def _restore(now: dict[str, Any], was: dict[str, tuple[Any, list[Any] | None]]) -> list[str]:
    """Put the attributes back; the names of those that had changed."""
    changed = [name for name in now if name not in was]
    for name in changed:
        del now[name]
    for name, (value, parts) in was.items():
        if now.get(name, ...) is not value or not _same(_parts(value), parts):
            changed.append(name)
            now[name] = value
            _refill(value, parts)
    return changed


def _same(one: list[Any] | None, other: list[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _refill(value: Any, parts: list[Any] | None) -> None:
    if isinstance(value, dict) and parts is not None:
        value.clear()
        value.update(zip(parts[::2], parts[1::2], strict=True))
    elif isinstance(value, (list, set)) and parts is not None:
        value.clear()
        value.extend(parts) if isinstance(value, list) else value.update(parts)
