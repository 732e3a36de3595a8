"""A cell over a sequence, as a plain loop of torch operations.

This is the eager engine: it runs anywhere torch does and is what any faster one must agree with.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from recurra.cells.base import Described
from recurra.cells.state import describe, map_state, named_slots, select
from recurra.errors import ShapeError, StateError

__all__ = ["Scan", "Steppable", "flip_time", "scan"]

State = TypeVar("State")


class Steppable(Protocol):
    """What the loop asks of a cell."""

    def initial_state(self, batch: int) -> Any: ...
    def update(self, state: Any, x: Tensor) -> Any: ...
    def output(self, state: Any, x: Tensor) -> Tensor: ...


class Scan(NamedTuple):
    """What a cell gave over a sequence."""

    y: Tensor  # (batch, time, feature); past a row's length it is whatever the cell answered
    state: Any  # after each row's last real step, slots (batch, ...)
    states: Any | None  # after every step, slots (batch, time, ...), when asked for


def scan(
    cell: Steppable,
    x: Tensor,
    state: Any,
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    keep_states: bool = False,
) -> Scan:
    """Run a cell over x, row by row independent.

    Args:
        cell: gives initial_state, update and output.
        x: (batch, time, ...), finite in the steps that count.
        state: H before the first step.
        lengths: (batch,) of integers; later steps of a row leave its state alone.
        reset: (batch, time) of booleans; where true, H := H_0 before that step.
        keep_states: also give the state after every step.

    >>> import torch, recurra as rc
    >>> cell = rc.cells.Seen(2)
    >>> x = torch.eye(2)[torch.tensor([[0, 0, 0]])]
    >>> fresh = torch.tensor([[False, False, True]])
    >>> scan(cell, x, cell.initial_state(1), reset=fresh).y.flatten().tolist()
    [0.0, 1.0, 0.0]
    """
    batch, time = x.shape[:2]
    if time == 0:
        return _nothing(cell, x, state, keep_states)
    real = None if lengths is None else real_steps(lengths, time)
    if reset is not None and real is not None:
        reset = reset & real
    all_real = [True] * time if real is None else real.all(0).tolist()
    any_reset = [False] * time if reset is None else reset.any(0).tolist()
    start = cell.initial_state(batch) if any(any_reset) else None
    mixed_types = autocasts(x)

    answers, states = [], []
    for t, x_t in enumerate(x.unbind(1)):
        if reset is not None and any_reset[t]:
            state = select(reset[:, t], start, state)
        written = versions(state) if t == 0 else None
        new = cell.update(state, x_t)
        if written is not None:
            check_unwritten(cell, state, written)
            _check_shapes_stay(cell, state, new)
        if mixed_types:
            new = keep_types(new, state)
        answers.append(cell.output(new, x_t))
        if t == 0:
            check_answer(cell, answers[0], batch)
        state = new if real is None or all_real[t] else select(real[:, t], new, state)
        if keep_states:
            states.append(state)
    return Scan(
        y=torch.stack(answers, dim=1),
        state=own_memory(state, x),
        states=map_state(lambda *slots: torch.stack(slots, 1), *states) if keep_states else None,
    )


def _check_shapes_stay(cell: Steppable, before: Any, after: Any) -> None:
    """The first mistake in a cell of one's own; one look at the first step finds it."""
    shapes = [{name: slot.shape for name, slot in named_slots(s).items()} for s in (before, after)]
    if shapes[0] != shapes[1]:
        raise StateError(
            f"{_name(cell)}: update makes a state {describe(after)} out of {describe(before)}. "
            f"initial_state(batch) and update have to give the same slots, each (batch, ...)."
        )


def versions(state: Any) -> list[int | None]:
    """How often each slot has been written to; torch does not count it in inference mode.

    >>> import torch
    >>> slot = torch.zeros(1)
    >>> before = versions(slot)
    >>> _ = slot.add_(1)
    >>> versions(slot) == before
    False
    """
    if torch.is_inference_mode_enabled():  # a stream's, where every microsecond counts
        return []
    slots = named_slots(state).values()
    return [None if slot.is_inference() else slot._version for slot in slots]


def check_unwritten(cell: Steppable, state: Any, before: list[int | None]) -> None:
    """The second mistake: the state before a step is the caller's, and of rows past their end."""
    if versions(state) != before:
        raise StateError(
            f"{_name(cell)}: update changed its state in place. "
            f"Return new tensors: state + x, not state += x."
        )


def check_answer(cell: Steppable, answer: Any, batch: int) -> None:
    """The third: an answer that is no tensor, or has no axis of rows or features."""
    if isinstance(answer, Tensor) and answer.dim() > 1 and len(answer) == batch:
        return
    shaped = isinstance(answer, Tensor)
    came = f"of shape {tuple(answer.shape)}" if shaped else f"a {type(answer).__name__}"
    raise ShapeError(
        f"{_name(cell)}: output gives {'a tensor ' if shaped else ''}{came}, expected a tensor "
        f"(batch, feature), here ({batch}, feature)."
    )


def _name(cell: Steppable) -> str:
    return cell.signature() if isinstance(cell, Described) else type(cell).__name__


def _nothing(cell: Steppable, x: Tensor, state: Any, keep_states: bool) -> Scan:
    """No steps: the cell is asked once, for the shape of its answer only."""
    batch = x.shape[0]
    event = x.new_zeros(batch, *x.shape[2:])
    written = versions(state)
    new = cell.update(state, event)
    check_unwritten(cell, state, written)
    answer = cell.output(new, event)
    check_answer(cell, answer, batch)
    states = map_state(lambda slot: slot.new_zeros(batch, 0, *slot.shape[1:]), state)
    return Scan(
        y=answer.new_zeros(batch, 0, *answer.shape[1:]),
        state=state,
        states=states if keep_states else None,
    )


def autocasts(x: Tensor) -> bool:
    """Whether torch mixes types on the device of x at the moment.

    >>> import torch
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     autocasts(torch.zeros(1)), autocasts(torch.zeros(1, device="meta"))
    (True, False)
    """
    device = x.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def keep_types(state: State, before: State) -> State:
    """A state with every slot in the type it had before the step.

    >>> import torch
    >>> keep_types(torch.ones(1, dtype=torch.bfloat16), torch.zeros(1)).dtype
    torch.float32
    """
    return map_state(lambda slot, old: slot.to(old.dtype), state, before)


def own_memory(state: State, x: Tensor) -> State:
    """A state that shares no memory with x, so that x may be written to afterwards.

    >>> import torch
    >>> x = torch.ones(1)
    >>> own_memory(x, x) is x
    False
    """
    return map_state(lambda slot: slot.clone() if shares_memory(slot, x) else slot, state)


def shares_memory(one: Tensor, other: Tensor) -> bool:
    """Whether writing to one tensor may change the other.

    >>> import torch
    >>> x = torch.ones(4)
    >>> shares_memory(x[:2], x[2:]), shares_memory(x + 0, x)
    (True, False)
    """
    return torch._C._is_alias_of(one, other)  # type: ignore[attr-defined, no-any-return]


def real_steps(lengths: Tensor, time: int) -> Tensor:
    """Which steps count, (batch, time).

    >>> import torch
    >>> real_steps(torch.tensor([2, 0]), 3).tolist()
    [[True, True, False], [False, False, False]]
    """
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def flip_time(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Each row's real steps in reverse order; what lies past its length stays there.

    Args:
        values: (batch, time, ...).
        lengths: (batch,), or None where every step is real.

    >>> import torch
    >>> flip_time(torch.tensor([[1, 2, 3, 0]]), torch.tensor([3])).tolist()
    [[3, 2, 1, 0]]
    """
    if lengths is None:
        return values.flip(1)
    time = torch.arange(values.shape[1], device=values.device)
    source = torch.where(real_steps(lengths, len(time)), lengths[:, None] - 1 - time, time)
    source = source.reshape(*source.shape, *([1] * (values.dim() - 2)))
    return values.gather(1, source.expand_as(values))


def reset_backwards(reset: Tensor, lengths: Tensor | None) -> Tensor:
    """The reset mask as the reversed sequence meets it.

    Read backwards, an episode starts at its last step: there, and not at its first, the state is
    H_0 again. The sequence's own last step starts from the state that was given.

    >>> import torch
    >>> reset_backwards(torch.tensor([[False, True, False]]), None).tolist()
    [[False, False, True]]
    """
    if lengths is not None:
        reset = reset & real_steps(lengths, reset.shape[1])
    starts_next = torch.cat([reset[:, 1:], torch.zeros_like(reset[:, :1])], dim=1)
    return flip_time(starts_next, lengths)
