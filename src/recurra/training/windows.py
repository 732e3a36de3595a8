"""Truncated backpropagation through time, for streams longer than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.state import map_state
from recurra.errors import NotStreamableError, ShapeError
from recurra.layers import Bidirectional
from recurra.training.samples import to_tensor

__all__ = ["Window", "windows"]


@dataclass(frozen=True, eq=False)
class Window:
    """The answers to some steps of a stream, with the graph that leads to them.

    Attributes:
        answers: (batch, steps, feature); steps is k1, fewer only at the end of the stream.
        targets: the y of these steps, (batch, steps, ...), or None.
        state: after the last step, detached.
        start: the first of these steps, counted from 0 at the start of the stream.
        stop: the step after the last.
    """

    answers: Tensor
    targets: Tensor | None
    state: Any
    start: int
    stop: int


@dataclass(frozen=True)
class _Piece:
    """Some steps of a stream."""

    x: Tensor
    y: Tensor | None
    reset: Tensor | None

    def __len__(self) -> int:
        return self.x.shape[1]

    def __getitem__(self, steps: slice) -> _Piece:
        return self.each(lambda part: part[:, steps])

    def each(self, change: Callable[[Tensor], Tensor]) -> _Piece:
        y = None if self.y is None else change(self.y)
        return _Piece(change(self.x), y, None if self.reset is None else change(self.reset))


def windows(
    model: nn.Module,
    x: Any,
    y: Any = None,
    *,
    k1: int,
    k2: int | None = None,
    state: Any = None,
    reset: Any = None,
) -> Iterator[Window]:
    """Truncated backpropagation through time (Williams & Peng 1990, Neural Computation 2(4)).

    Every `k1` steps gives a window to learn from: the answers to those steps, whose gradients
    reach back through the last `k2` steps and no further. The state is carried from window to
    window without its gradients. With ``k1 == k2`` the stream falls into windows that are computed
    once. With ``k1 < k2`` each window runs the last k2 steps again, with the weights of now, from
    the state that was reached before them.

    Memory holds k2 steps however long the stream is. Take each window's gradients before asking
    for the next.

    Args:
        model: called as ``model(x, state)``, and with ``reset=`` where resets are given; returns
            y and the state, as recurra layers do and torch's with ``batch_first=True``.
        x: (batch, time, feature). Or an iterable of chunks of any number of steps, for a stream
            without end: each x, (x, y) or (x, y, reset).
        y: (batch, time, ...), cut as x is; not with chunks.
        k1: steps from one window to the next.
        k2: steps that gradients reach back; None is k1.
        state: to start from; None is the model's H_0, which then learns too if it can.
        reset: (batch, time) of booleans: where true, H := H_0 before that step; not with chunks.

    Yields:
        A `Window` for every k1 steps, and for what remains at the end.

    Raises:
        ValueError: k1 or k2 is out of its range.
        ShapeError: x, y or reset have other axes or steps than each other.
        NotStreamableError: the model reads backwards.

    >>> import torch, recurra as rc
    >>> layer = rc.Recurrent(rc.cells.LSTM(1, 4))
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    >>> x = torch.randn(2, 10, 1)
    >>> for window in rc.training.windows(layer, x, x.cumsum(1), k1=4, k2=8):
    ...     loss = (window.answers - window.targets).square().mean()
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     print(window.start, window.stop)
    0 4
    4 8
    8 10
    """
    k2 = k1 if k2 is None else k2
    if not 1 <= k1 <= k2:
        raise ValueError(f"windows: k1 is {k1} and k2 is {k2}, expected 1 <= k1 <= k2.")
    _check_forward(model)
    chunks = _chunks(x, y, reset)
    place = _placement(model)
    pieces = (piece.each(place) for piece in _cut(chunks, k1))
    return _windows(model, pieces, k1, k2, None if state is None else _detached(state))


def _windows(
    model: nn.Module, pieces: Iterator[_Piece], k1: int, k2: int, state: Any
) -> Iterator[Window]:
    held: list[_Piece] = []  # the steps since `state` was reached, k2 at most
    stop = 0
    for piece in pieces:
        start, stop = stop, stop + len(piece)
        steps = _joined([*held, piece])
        over = len(steps) - k2
        if over > 0:
            state = _passed(model, steps[:over], state)
            steps = steps[over:]
        answers, end = _call(model, steps, state)
        end_state = _detached(end)
        yield Window(answers[:, -len(piece) :], piece.y, end_state, start, stop)
        del answers, end  # the graph, before the next one is built
        if k1 == k2:
            state = end_state
        else:
            held = [steps]


@torch.no_grad()
def _passed(model: nn.Module, steps: _Piece, state: Any) -> Any:
    """The state after steps that no gradient reaches any more."""
    return _call(model, steps, state)[1]


def _call(model: nn.Module, steps: _Piece, state: Any) -> tuple[Tensor, Any]:
    options = {} if steps.reset is None else {"reset": steps.reset}
    y, state = model(steps.x, state, **options)
    return y, state


def _detached(state: Any) -> Any:
    return map_state(lambda slot: slot.detach(), state)


def _placement(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """What brings a part of the stream to the model's device and type of numbers."""
    weight = next((w for w in model.parameters() if w.is_floating_point()), torch.empty(0))

    def place(part: Tensor) -> Tensor:
        return part.to(weight) if part.is_floating_point() else part.to(weight.device)

    return place


def _check_forward(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, Bidirectional) or getattr(module, "bidirectional", False) is True:
            raise NotStreamableError(
                f"windows: {type(module).__name__} reads every sequence from the end too, which a "
                f"stream does not have yet. Use Recurrent."
            )
        if getattr(module, "batch_first", True) is False:
            raise ValueError(
                f"windows: {type(module).__name__} has batch_first=False, expected x as (batch, "
                f"time, feature). Make it with batch_first=True."
            )


def _chunks(x: Any, y: Any, reset: Any) -> Iterator[_Piece]:
    if hasattr(x, "shape"):
        return iter([_piece(x, y, reset)])
    if y is not None or reset is not None:
        raise ValueError(
            "windows: x is an iterable of chunks, and y or reset is given beside it, expected "
            "chunks (x, y) or (x, y, reset)."
        )
    return (_piece(*chunk) if isinstance(chunk, tuple) else _piece(chunk) for chunk in x)


def _piece(x: Any, y: Any = None, reset: Any = None) -> _Piece:
    x = to_tensor(x, "windows: x")
    if x.dim() not in (2, 3) or (x.dim() == 2 and x.is_floating_point()):
        raise ShapeError(
            f"windows: x has shape {tuple(x.shape)}, expected (batch, time, feature). "
            f"One stream is a batch of one: x[None]."
        )
    parts = {}
    for name, part in (("y", y), ("reset", reset)):
        parts[name] = part = None if part is None else to_tensor(part, f"windows: {name}")
        if part is not None and part.shape[:2] != x.shape[:2]:
            raise ShapeError(
                f"windows: {name} has shape {tuple(part.shape)}, expected "
                f"{tuple(x.shape[:2])} and on, the rows and steps of x."
            )
    return _Piece(x, **parts)


def _cut(chunks: Iterable[_Piece], size: int) -> Iterator[_Piece]:
    """The same steps in pieces of one size, the last perhaps shorter."""
    held: list[_Piece] = []
    for chunk in chunks:
        held.append(chunk)
        count = sum(map(len, held))
        if count < size:
            continue
        steps = _joined(held)
        whole = count - count % size
        for start in range(0, whole, size):
            yield steps[start : start + size]
        held = [steps[whole:]] if whole < count else []
    if sum(map(len, held)):
        yield _joined(held)


def _joined(pieces: list[_Piece]) -> _Piece:
    """Pieces one after the other; all have the same parts."""
    if len(pieces) == 1:
        return pieces[0]
    parts = []
    for name in ("x", "y", "reset"):
        given = [part for piece in pieces if (part := getattr(piece, name)) is not None]
        if given and len(given) != len(pieces):
            raise ShapeError(
                f"windows: only some chunks have a {name}, expected all of them or none."
            )
        parts.append(torch.cat(given, dim=1) if given else None)
    return _Piece(*parts)  # type: ignore[arg-type]
