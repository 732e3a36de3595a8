"""Layers on top of each other, with plain torch modules between them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.errors import ShapeError
from recurra.layers.layer import Given, Layer
from recurra.layers.scan import Scan

__all__ = ["Residual", "Stack"]

_MIXES_ROWS = (nn.modules.batchnorm._BatchNorm,)
_MIXES_TIME = (
    nn.modules.conv._ConvNd,
    nn.MultiheadAttention,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.Flatten,
)
_ALONG_AN_AXIS = (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.GLU)


def check_part(owner: str, part: Any) -> None:
    """Refuse what cannot stand in a stack, saying what to do instead."""
    if isinstance(part, Layer):
        return
    if isinstance(part, Cell):
        raise TypeError(
            f"{owner}: {part.signature()} is a cell, expected a layer. "
            f"Wrap it: recurra.Recurrent({type(part).__name__}(...))."
        )
    if not isinstance(part, nn.Module):
        raise TypeError(f"{owner}: got a {type(part).__name__}, expected layers and torch modules.")
    for inner in part.modules():
        name = type(inner).__name__
        if isinstance(inner, (nn.RNNBase, nn.RNNCellBase)):
            ours = "Elman" if name.startswith("RNN") else name.removesuffix("Cell")
            raise TypeError(
                f"{owner}: torch.nn.{name} hides its state from the stack. "
                f"Use recurra.Recurrent(recurra.cells.{ours}(...))."
            )
        if isinstance(inner, (Layer, Cell)):
            raise TypeError(
                f"{owner}: {inner.signature()} sits inside a {type(part).__name__}, which does "
                f"not carry a state. Use recurra.Stack or recurra.Residual around it."
            )
        if isinstance(inner, _MIXES_ROWS):
            raise TypeError(
                f"{owner}: {name} mixes the rows of a batch, so a row's answer would depend on its "
                f"neighbours. Use torch.nn.LayerNorm."
            )
        if isinstance(inner, _MIXES_TIME):
            raise TypeError(
                f"{owner}: {name} mixes time steps, so the stack could not go on step by step. "
                f"Keep it outside the stack."
            )
        if isinstance(inner, _ALONG_AN_AXIS):
            check_axis(owner, inner)


def check_axis(owner: str, module: Any) -> None:
    """Refuse a module along another axis than the last, the only one that stays the features."""
    if module.dim != -1:
        raise TypeError(
            f"{owner}: torch.nn.{type(module).__name__}(dim={module.dim}) means another axis in a "
            f"step than in a sequence. Use dim=-1, the features."
        )


def _run_part(part: nn.Module, given: Given) -> Scan:
    """One part of a stack over sequences; a stateless one treats every step alike."""
    x, state, lengths, reset, keep_states = given
    if not isinstance(part, Layer):
        return Scan(part(x), (), () if keep_states else None)
    y, state, *states = part(x, state, lengths=lengths, reset=reset, return_states=keep_states)
    return Scan(y, state, states[0] if states else None)


def _step_part(part: nn.Module, state: Any, x: Tensor) -> tuple[Tensor, Any]:
    return part.run_step(state, x) if isinstance(part, Layer) else (part(x), ())


def _initial_state(part: nn.Module, batch: int) -> Any:
    return part.initial_state(batch) if isinstance(part, Layer) else ()


# What answers with as many features as it takes, and does not say how many.
_PASSES_ON = (nn.Identity, nn.Dropout, nn.AlphaDropout, nn.LayerNorm, nn.RMSNorm)


def _input_size(*parts: nn.Module) -> int | None:
    """Features that parts in a row take, where one of them says so."""
    asked = next((part for part in parts if not isinstance(part, _PASSES_ON)), None)
    size = getattr(asked, "in_features" if isinstance(asked, nn.Linear) else "input_size", None)
    return size if isinstance(size, int) else None


def _event_dims(part: nn.Module) -> int:
    if isinstance(part, nn.Embedding):
        return 0
    return part.event_dims if isinstance(part, Layer) else 1


class Stack(Layer):
    """Recurrent layers and stateless torch modules, each fed by the one before.

    Its state is a tuple with an entry a part, ``()`` for a stateless one. For dropout between
    layers put ``torch.nn.Dropout`` between them. A first part that is ``torch.nn.Embedding`` takes
    x as indices (batch, time).

    Args:
        parts: layers and torch modules. A module must treat every row and step alike.

    Raises:
        TypeError: a part mixes rows or time steps, or hides a state.

    >>> import torch, recurra as rc
    >>> from torch import nn
    >>> model = rc.Stack(
    ...     rc.Recurrent(rc.cells.LSTM(3, 8)),
    ...     nn.Dropout(0.2),
    ...     rc.Recurrent(rc.cells.GRU(8, 8)),
    ...     nn.Linear(8, 1),
    ... )
    >>> y, state = model(torch.randn(2, 5, 3))
    >>> y.shape, len(state), state[1]
    (torch.Size([2, 5, 1]), 4, ())
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        if not parts:
            raise ValueError("Stack: got no parts, expected layers and torch modules.")
        for k, part in enumerate(parts):
            check_part(f"Stack, part {k}", part)
        self.parts = nn.ModuleList(parts)
        self.input_size = _input_size(*parts)
        self.event_dims = _event_dims(parts[0])

    def config(self) -> dict[str, Any]:
        return {"parts": list(self.parts)}

    def signature(self) -> str:
        names = (p.signature() if isinstance(p, Layer) else type(p).__name__ for p in self.parts)
        return f"Stack({', '.join(names)})"

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return tuple(_initial_state(part, batch) for part in self.parts)

    def run_step(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        after = []
        for part, before in zip(self.parts, state, strict=True):
            x, new = _step_part(part, before, x)
            after.append(new)
        return x, tuple(after)

    def run(self, given: Given) -> Scan:
        x, after, states = given.x, [], []
        for part, before in zip(self.parts, given.state, strict=True):
            done = _run_part(part, given._replace(x=x, state=before))
            x = done.y
            after.append(done.state)
            states.append(done.states)
        return Scan(x, tuple(after), tuple(states) if given.keep_states else None)


class Residual(Layer):
    """Adds a part's input to its answer (He et al. 2015, arXiv:1512.03385).

    Args:
        inside: a layer or a torch module that answers with as many features as it takes.

    Raises:
        ShapeError: when run, if it answers with another number of features.

    >>> import torch, recurra as rc
    >>> layer = rc.Residual(rc.Recurrent(rc.cells.GRU(8, 8)))
    >>> layer(torch.randn(2, 5, 8))[0].shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        check_part("Residual", inside)
        self.inside = inside
        self.input_size = _input_size(inside)

    def config(self) -> dict[str, Any]:
        return {"inside": self.inside}

    def signature(self) -> str:
        inside = self.inside
        name = inside.signature() if isinstance(inside, Layer) else type(inside).__name__
        return f"Residual({name})"

    def initial_state(self, batch: int) -> Any:
        return _initial_state(self.inside, batch)

    def run_step(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        y, state = _step_part(self.inside, state, x)
        return self._add(x, y), state

    def run(self, given: Given) -> Scan:
        done = _run_part(self.inside, given)
        return done._replace(y=self._add(given.x, done.y))

    def _add(self, x: Tensor, y: Tensor) -> Tensor:
        if x.shape != y.shape:
            raise ShapeError(
                f"{self.signature()}: takes {x.shape[-1]} features and answers with "
                f"{y.shape[-1]}, expected as many, to add them."
            )
        return x + y
