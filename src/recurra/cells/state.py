"""States as trees: one tensor, or a NamedTuple, dataclass or tuple of states.

The functions here are all that layers know of a cell's state, so that a cell may name its slots as
its paper does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from torch import Tensor

from recurra.errors import StateError

__all__ = ["fill_state", "map_state", "named_slots", "same_structure", "select"]

State = TypeVar("State")


def _children(state: Any) -> list[tuple[str, Any]] | None:
    """The named parts of a state, or None for a single tensor."""
    if isinstance(state, Tensor):
        return None
    if isinstance(state, tuple):
        names = getattr(state, "_fields", range(len(state)))
        return [(str(name), part) for name, part in zip(names, state, strict=True)]
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return [(field.name, getattr(state, field.name)) for field in dataclasses.fields(state)]
    raise StateError(
        f"a state is a tensor, or a NamedTuple, dataclass or tuple of states, "
        f"not {type(state).__name__}."
    )


def _rebuild(like: Any, parts: list[Any]) -> Any:
    if isinstance(like, tuple):
        return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
    names = [field.name for field in dataclasses.fields(like)]
    return dataclasses.replace(like, **dict(zip(names, parts, strict=True)))


def map_state(function: Callable[..., Tensor], state: State, *others: State) -> State:
    """Apply a function to every tensor of a state, or of several states of one structure.

    Args:
        function: takes as many tensors as there are states, gives one.
        state: gives the structure of the result.
        others: states of the same structure.

    Raises:
        StateError: the states differ in structure.

    >>> import torch
    >>> from recurra.cells import LSTMState
    >>> zeros = LSTMState(h=torch.zeros(1, 2), c=torch.zeros(1, 2))
    >>> map_state(lambda slot: slot + 1, zeros).c
    tensor([[1., 1.]])
    """
    for other in others:
        if not same_structure(state, other):
            raise StateError(
                f"the states differ in structure: {describe(state)} and {describe(other)}."
            )
    return _map(function, state, *others)  # type: ignore[no-any-return]


def _map(function: Callable[..., Tensor], *states: Any) -> Any:
    if isinstance(states[0], Tensor):
        return function(*states)
    parts = zip(*([part for _, part in _children(state) or []] for state in states), strict=True)
    return _rebuild(states[0], [_map(function, *row) for row in parts])


def same_structure(one: Any, other: Any) -> bool:
    """Whether two states have the same slots by name; shapes are not compared.

    >>> import torch
    >>> same_structure((torch.zeros(1), ()), (torch.ones(5), ()))
    True
    >>> same_structure((torch.zeros(1), ()), (torch.zeros(1),))
    False
    """
    parts, others = _children(one), _children(other)
    if parts is None or others is None:
        return parts is others
    if [name for name, _ in parts] != [name for name, _ in others]:
        return False
    return all(same_structure(a, b) for (_, a), (_, b) in zip(parts, others, strict=True))


def _walk(state: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    children = _children(state)
    if children is None:
        yield prefix, state
        return
    for name, part in children:
        yield from _walk(part, f"{prefix}.{name}" if prefix else name)


def named_slots(state: Any) -> dict[str, Tensor]:
    """Every tensor of a state under its dotted name, in order.

    A state that is one tensor has the name ``state``.

    >>> import torch
    >>> from recurra.cells import LSTMState
    >>> lstm = LSTMState(h=torch.zeros(1, 2), c=torch.zeros(1, 2))
    >>> list(named_slots((lstm, (), torch.zeros(1, 3))))
    ['0.h', '0.c', '2']
    """
    if _is_flat(state):
        return dict(zip(state._fields, state, strict=True))
    return {name or "state": slot for name, slot in _walk(state, "")}


def fill_state(like: State, slots: Sequence[Tensor]) -> State:
    """A state of these tensors, in the order of `named_slots`.

    >>> import torch
    >>> from recurra.cells import LSTMState
    >>> zeros = LSTMState(h=torch.zeros(1, 2), c=torch.zeros(1, 2))
    >>> fill_state(zeros, [torch.ones(1, 2), zeros.c]).h
    tensor([[1., 1.]])
    """
    if _is_flat(like):
        return type(like)(*slots)
    given = iter(slots)
    return map_state(lambda _: next(given), like)


def _is_flat(state: Any) -> bool:
    """Whether a state is a NamedTuple of tensors: far more often than not, and so asked first."""
    return hasattr(state, "_fields") and all(isinstance(part, Tensor) for part in state)


def describe(state: Any) -> str:
    """A state's slots and shapes in one line, for error messages.

    >>> import torch
    >>> describe((torch.zeros(1, 2), ()))
    '0 (1, 2), 1 ()'
    """
    return ", ".join(_lines(state, ""))


def _lines(state: Any, prefix: str) -> Iterator[str]:
    children = _children(state)
    if children is None:
        yield f"{prefix or 'state'} {tuple(state.shape)}"
    elif not children:
        yield f"{prefix} ()".lstrip()
    for name, part in children or []:
        yield from _lines(part, f"{prefix}.{name}" if prefix else name)


def select(mask: Tensor, chosen: State, otherwise: State) -> State:
    """Rows of `chosen` where the mask is true, rows of `otherwise` elsewhere.

    Args:
        mask: (batch,) of booleans.
        chosen: a state of slots (batch, ...).
        otherwise: a state of the same structure.

    >>> import torch
    >>> select(torch.tensor([True, False]), torch.ones(2, 1), torch.zeros(2, 1)).tolist()
    [[1.0], [0.0]]
    """

    def pick(one: Tensor, other: Tensor) -> Tensor:
        rows = mask.reshape(-1, *([1] * (one.dim() - 1)))
        return one.where(rows, other)

    return map_state(pick, chosen, otherwise)
