"""Noise that regularises any cell while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.cells.state import map_state, named_slots
from recurra.cells.wrapper import CellWrapper, with_submodule

__all__ = ["VariationalDropout", "Zoneout"]

State = TypeVar("State")


def _check_rate(who: str, name: str, rate: float) -> float:
    if not 0 <= rate < 1:
        raise ValueError(f"{who}: {name} is {rate}, expected a probability in [0, 1).")
    return float(rate)


class Zoneout(CellWrapper[State]):
    """Keeps some units as they were (Krueger et al. 2016, arXiv:1606.01305).

    ::

        training:    H_t = d ⊙ H_{t-1} + (1 - d) ⊙ f(x_t, H_{t-1})      d ~ Bernoulli(rate)
        evaluation:  H_t = rate H_{t-1} + (1 - rate) f(x_t, H_{t-1})

    A new d is drawn for every step, row and unit.

    Args:
        cell: any cell.
        rate: the probability that a unit keeps its value: one for all slots, or by slot name, as
            in ``{"h": 0.05, "c": 0.5}``; slots not named always change.

    >>> import torch, recurra as rc
    >>> cell = rc.cells.Zoneout(rc.cells.LSTM(3, 8), {"h": 0.05, "c": 0.5})
    >>> y, state = rc.Recurrent(cell)(torch.randn(2, 5, 3))
    >>> y.shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, cell: Cell[State], rate: float | Mapping[str, float]) -> None:
        super().__init__(cell)
        slots = list(named_slots(cell.initial_state(1)))
        rates = dict(rate) if isinstance(rate, Mapping) else dict.fromkeys(slots, rate)
        if unknown := set(rates) - set(slots):
            raise ValueError(
                f"Zoneout({cell.signature()}): rate names {sorted(unknown)}, "
                f"but the state's slots are {slots}."
            )
        self.rates = {name: _check_rate("Zoneout", name, rates.get(name, 0.0)) for name in slots}

    def config(self) -> dict[str, Any]:
        return {"cell": self.cell, "rate": dict(self.rates)}

    def update(self, state: State, x: Tensor) -> State:
        rates = iter(self.rates.values())
        new = self.cell.update(state, x)
        return map_state(lambda old, new: self._mix(next(rates), old, new), state, new)

    def _mix(self, rate: float, old: Tensor, new: Tensor) -> Tensor:
        if rate == 0:
            return new
        if not self.training:
            return rate * old + (1 - rate) * new
        # In float32 whatever the state's type: bfloat16 draws are multiples of 1/256.
        return old.where(torch.rand(new.shape, device=new.device) < rate, new)


class _Masked(nn.Module):
    """A map that sees its input through one mask."""

    def __init__(self, inside: nn.Module, mask: Tensor) -> None:
        super().__init__()
        self.inside = inside
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        return self.inside(x * self.mask)  # type: ignore[no-any-return]


class VariationalDropout(CellWrapper[State]):
    """Dropout with one mask for all steps of a sequence (Gal & Ghahramani 2016, arXiv:1512.05287).

    While training, each call of the layer draws a mask for each row, and the same units stay
    dropped at every step. The mask on the state sits where the state is multiplied by weights, so
    that the memory itself (the LSTM's c, the GRU's z ⊙ h) is never erased. In evaluation nothing
    is dropped; what is kept in training is divided by 1 - rate. A `step` by hand is an event of a
    stream, not a sequence, and drops nothing.

    Args:
        cell: any cell. For `recurrent` it must name the submodules that multiply its state in
            `Cell.recurrent_maps`; the library's own do.
        input: the probability that a feature of x is dropped.
        recurrent: the probability that a unit of the state is dropped on its way to the weights.

    >>> import torch, recurra as rc
    >>> layer = rc.Recurrent(rc.cells.VariationalDropout(rc.cells.GRU(3, 8), recurrent=0.5))
    >>> x = torch.randn(2, 5, 3)
    >>> torch.equal(layer(x)[0], layer(x)[0]), torch.equal(layer.eval()(x)[0], layer(x)[0])
    (False, True)
    """

    mask: Tensor | None = None  # (batch, input_size) on x, held for one sequence

    def __init__(self, cell: Cell[State], *, input: float = 0.0, recurrent: float = 0.0) -> None:
        super().__init__(cell)
        self.input = _check_rate("VariationalDropout", "input", input)
        self.recurrent = _check_rate("VariationalDropout", "recurrent", recurrent)
        if recurrent and not cell.recurrent_maps:
            raise ValueError(
                f"VariationalDropout({cell.signature()}): recurrent is {recurrent}, but the cell "
                f"does not say which submodules multiply its state. Name them in recurrent_maps."
            )
        if recurrent:
            for path in cell.recurrent_maps:
                _linear(cell, path)
        if input and cell.input_size is None:
            raise ValueError(
                f"VariationalDropout({cell.signature()}): input is {input}, but the cell does not "
                f"say how many features x has. Set input_size."
            )

    def config(self) -> dict[str, Any]:
        return {"cell": self.cell, "input": self.input, "recurrent": self.recurrent}

    def update(self, state: State, x: Tensor) -> State:
        return self.cell.update(state, self._drop(x))

    def output(self, state: State, x: Tensor) -> Tensor:
        return self.cell.output(state, self._drop(x))

    def for_sequence(self, batch: int) -> Cell[State]:
        if not self.training:
            return super().for_sequence(batch)
        cell = self.cell.for_sequence(batch)
        if self.recurrent:
            for path in self.cell.recurrent_maps:
                inside = cell.get_submodule(path)
                mask = self._draw(self.recurrent, batch, _linear(self.cell, path).in_features)
                cell = _replace_at(cell, path, _Masked(inside, mask))
        twin = with_submodule(self, "cell", cell)
        if self.input and self.cell.input_size is not None:
            twin.mask = self._draw(self.input, batch, self.cell.input_size)
        return twin

    def _drop(self, x: Tensor) -> Tensor:
        return x if self.mask is None else x * self.mask

    def _draw(self, rate: float, batch: int, width: int) -> Tensor:
        kept = self.zeros(batch, width).bernoulli_(1 - rate)
        return kept / (1 - rate)


def _linear(cell: Cell[Any], path: str) -> nn.Linear:
    found = cell.get_submodule(path)
    if not isinstance(found, nn.Linear):
        raise TypeError(
            f"VariationalDropout({cell.signature()}): recurrent_maps names {path!r}, a "
            f"{type(found).__name__}, expected a torch.nn.Linear."
        )
    return found


def _replace_at(module: Any, path: str, replacement: nn.Module) -> Any:
    head, _, rest = path.partition(".")
    if rest:
        replacement = _replace_at(getattr(module, head), rest, replacement)
    return with_submodule(module, head, replacement)
