"""Layers, inputs and states to try a contract on, drawn from a seed, and how to compare."""

import torch
from torch import Tensor
from torch.testing import assert_close

from recurra.cells.state import map_state, named_slots
from recurra.layers import Layer
from tests.contracts.rows import Row

# Products over another number of rows, and so in another order, differ by rounding alone.
ROUNDING = {torch.float32: 1e-5, torch.float64: 1e-12}


def layer_of(row: Row, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> Layer:
    """The row's layer in evaluation, with weights all distinct."""
    torch.manual_seed(seed)
    return row.make().to(dtype).eval()


def x_of(row: Row, batch: int, time: int, *, seed: int = 1, dtype=torch.float64) -> Tensor:
    """Input of the row's kind."""
    draw = torch.Generator().manual_seed(seed)
    if row.x == "features":
        return torch.randn(batch, time, row.size, generator=draw, dtype=torch.float64).to(dtype)
    indices = torch.randint(row.size, (batch, time), generator=draw)
    return indices if row.x == "indices" else torch.eye(row.size, dtype=dtype)[indices]


def state_of(row: Row, layer: Layer, batch: int, *, dtype: torch.dtype = torch.float64) -> object:
    """A state that is not H_0: the one after a few steps."""
    with torch.no_grad():
        return layer(x_of(row, batch, 3, seed=7, dtype=dtype))[1]


def slots(state: object) -> list[Tensor]:
    return list(named_slots(state).values())


def rows_of(state: object, rows) -> object:
    return map_state(lambda slot: slot[rows], state)


def at_time(states: object, t: int) -> object:
    return map_state(lambda slot: slot[:, t], states)


def assert_same_bits(got: object, wanted: object) -> None:
    """Two tensors or states are equal to the bit, NaN where NaN."""
    assert type(got) is type(wanted)
    assert_close(slots(got), slots(wanted), rtol=0, atol=0, equal_nan=True)


def assert_agree(row: Row, got: object, wanted: object) -> None:
    """Equal to the bit where the row promises it, else up to rounding."""
    if row.same_bits:
        assert_same_bits(got, wanted)
    else:
        assert_close_states(got, wanted)


def assert_close_states(got: object, wanted: object) -> None:
    """Equal up to rounding."""
    assert type(got) is type(wanted)
    for one, other in zip(slots(got), slots(wanted), strict=True):
        assert_close(one, other, rtol=0, atol=ROUNDING[one.dtype])


def gradients(layer: Layer, loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    """Of the weights and then of the inputs; zeros where the loss does not depend on them."""
    wanted = [*layer.parameters(), *(each for each in inputs if each.requires_grad)]
    return list(torch.autograd.grad(loss, wanted, materialize_grads=True)) if wanted else []


def mixed(values: Tensor) -> Tensor:
    """A number that depends on every value, each in its own way."""
    draw = torch.Generator().manual_seed(3)
    weights = torch.randn(values.shape, generator=draw, dtype=torch.float64).to(values.dtype)
    return (values * weights).sum()
