"""The cell: a layer's memory stated as an initial state, an update and an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from recurra.cells.zeros import new_zeros

__all__ = ["Cell", "Described"]

State = TypeVar("State")


class Described(nn.Module):
    """A module that can say how it was made; its ``repr`` and the model file both use it."""

    def config(self) -> dict[str, Any]:
        """The constructor's arguments: JSON values, and modules where it takes modules.

        >>> import recurra as rc
        >>> rc.cells.Elman(3, 8).config()["hidden_size"]
        8
        """
        return {}

    def extra_repr(self) -> str:
        return ", ".join(
            f"{name}={value!r}"
            for name, value in self.config().items()
            if not _holds_modules(value)
        )

    def signature(self) -> str:
        """The module as one would write it, for error messages.

        >>> import recurra as rc
        >>> rc.cells.GRU(3, 8).signature()
        'GRU(input_size=3, hidden_size=8)'
        """
        sizes = (f"{name}={v}" for name, v in self.config().items() if type(v) is int)
        return f"{type(self).__name__}({', '.join(sizes)})"


def _holds_modules(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_modules(part) for part in value)
    return isinstance(value, nn.Module)


def _first_float(module: nn.Module, kept: str) -> Tensor | None:
    """The first parameter, or buffer, of a float type; torch's own search takes longer."""
    for tensor in module.__dict__[kept].values():
        if tensor is not None and tensor.is_floating_point():
            return tensor  # type: ignore[no-any-return]
    for part in module._modules.values():
        found = None if part is None else _first_float(part, kept)
        if found is not None:
            return found
    return None


class Cell(Described, Generic[State]):
    """One step of a recurrent layer, stated as the triple (H, f, g).

    ::

        H_0 = initial_state          usually zeros
        H_t = update(H_{t-1}, x_t)   f
        y_t = output(H_t, x_t)       g, which answers from the updated state

    Subclass it, define the three methods in plain PyTorch, and give the cell to
    `recurra.Recurrent`. Rows of a batch must not see each other. The state is a tensor, or a
    NamedTuple or dataclass of tensors, each (batch, ...).

    Attributes:
        input_size: features of x, or None where the cell takes any; checked by the layer.
        recurrent_maps: names of the submodules that multiply the state by weights, which is where
            `VariationalDropout` puts its masks.

    A running count of the events so far needs no weights at all:

    >>> import torch, recurra as rc
    >>> class Count(rc.Cell):
    ...     def initial_state(self, batch):
    ...         return self.zeros(batch, 1)
    ...
    ...     def update(self, state, x):
    ...         return state + 1
    ...
    ...     def output(self, state, x):
    ...         return state
    >>> y, state = rc.Recurrent(Count())(torch.zeros(1, 3, 5))
    >>> y[0, :, 0].tolist()
    [1.0, 2.0, 3.0]
    """

    input_size: int | None = None
    recurrent_maps: tuple[str, ...] = ()

    def initial_state(self, batch: int) -> State:
        """H_0 for a number of rows: slots (batch, ...)."""
        raise NotImplementedError(f"{type(self).__name__} does not define initial_state.")

    def update(self, state: State, x: Tensor) -> State:
        """f: the state after an input. x is (batch, feature)."""
        raise NotImplementedError(f"{type(self).__name__} does not define update.")

    def output(self, state: State, x: Tensor) -> Tensor:
        """g: the answer from the updated state, (batch, feature)."""
        raise NotImplementedError(f"{type(self).__name__} does not define output.")

    def step(self, state: State, x: Tensor) -> tuple[Tensor, State]:
        """One event: f, then g.

        Args:
            state: H_{t-1}, slots (batch, ...).
            x: (batch, feature).

        Returns:
            y_t (batch, feature) and H_t.

        >>> import torch, recurra as rc
        >>> cell = rc.cells.Repeats(10)
        >>> state = cell.initial_state(1)
        >>> three = torch.eye(10)[[3]]
        >>> y, state = cell.step(state, three)
        >>> y.item()
        0.0
        >>> y, state = cell.step(state, three)
        >>> y.item()
        1.0
        """
        state = self.update(state, x)
        return self.output(state, x), state

    def gates(self, state: State, x: Tensor) -> dict[str, Tensor]:
        """How far each gate opens at a step, in (0, 1), by the gate's letter; for pictures.

        Args:
            state: H_{t-1}, slots (batch, ...).
            x: (batch, feature).

        Returns:
            Tensors (batch, units); none for a cell without gates.

        >>> import torch, recurra as rc
        >>> cell = rc.cells.LSTM(3, 8)
        >>> list(cell.gates(cell.initial_state(1), torch.zeros(1, 3)))
        ['i', 'f', 'o']
        """
        return {}

    def for_sequence(self, batch: int) -> Cell[State]:
        """The cell to run one call of the layer with.

        A cell that draws random masks once a sequence gives a copy of itself that holds them; any
        other gives itself.
        """
        return self

    def zeros(self, batch: int, *shape: int) -> Tensor:
        """Zeros (batch, shape...) in the type and on the device of the cell's own weights.

        >>> import recurra as rc
        >>> rc.cells.GRU(3, 8).double().zeros(2, 8).dtype
        torch.float64
        """
        reference = _first_float(self, "_parameters")
        if reference is None:
            reference = _first_float(self, "_buffers")
        if reference is None:
            return torch.zeros(batch, *shape)
        return new_zeros(reference, (batch, *shape))

    def place_without_weights(self) -> None:
        """Let a cell without weights remember the type and device that ``.to`` asks for.

        Call it once in the constructor; `zeros` then follows ``.double()`` and ``.to(device)``.

        >>> import torch, recurra as rc
        >>> rc.cells.Mean(1).double().initial_state(1).mean.dtype
        torch.float64
        """
        self.register_buffer("placed", torch.zeros(0), persistent=False)
