"""What one step of a layer computes, read off torch itself.

The layer runs once on tensors that hold no numbers, torch writes down the ATen operations that it
meets, and each becomes ops of the closed set. Whatever plain torch the cell is written in, its
submodules and Python functions included, is then gone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recurra.cells.state import map_state, named_slots
from recurra.compiler.draws import Draw
from recurra.compiler.reading import read
from recurra.compiler.recording import record
from recurra.errors import TraceError
from recurra.layers import Layer
from recurra.program import Program

__all__ = ["Traced", "trace"]


class Traced(NamedTuple):
    """One step of a layer as a program, and what it takes besides x and the state.

    Attributes:
        program: input x, answer y, states and weights by their names in the layer.
        weights: the layer's own tensors by name; tensors that the cell makes in its code, or keeps
            in a plain attribute, are named ``constant.0`` and so on. All are floats to the
            program: booleans are 1 and 0.
        draws: how the random numbers that the step asks for are made, by name.
    """

    program: Program
    weights: dict[str, Tensor]
    draws: dict[str, Draw]


def trace(layer: Layer, *, sequence: bool = False, features: int | None = None) -> Traced:
    """The program of one step of a layer, in the mode (training or evaluation) the layer is in.

    Args:
        layer: any layer that can step.
        sequence: the step as ``layer(x)`` does it, not as ``layer.step`` does: a cell that draws
            masks once a sequence (`Cell.for_sequence`) applies them.
        features: of x, where the layer does not say its `input_size`.

    Returns:
        The verified program. Its weights are the layer's parameters and buffers under their names
        in the `state_dict`, its states the slots under their dotted names, its draws the random
        numbers of dropout, zoneout and the like.

    Raises:
        TraceError: the step mixes rows, decides something by the numbers it is given, or uses an
            operation that is not in the table; the operation is named.
        NotStreamableError: the layer cannot step.

    >>> import recurra as rc
    >>> print(trace(rc.Recurrent(rc.cells.Elman(3, 8))).program)
    %0 = x x float[3]
    %1 = state h float[8]
    %2 = weight cell.input.weight float[8, 3]
    %3 = weight cell.input.bias float[8]
    %4 = weight cell.recurrent.weight float[8, 8]
    %5 = matvec(%2, %0, transposed=False) float[8]
    %6 = add(%5, %3) float[8]
    %7 = matvec(%4, %1, transposed=False) float[8]
    %8 = add(%6, %7) float[8]
    %9 = tanh(%8) float[8]
    y y = %9
    state h = %9
    >>> trace(rc.Recurrent(rc.cells.Zoneout(rc.cells.Elman(3, 8), 0.1))).draws
    {'uniform.0': Draw(law='uniform', span='step')}
    """
    features = layer.input_size if features is None else features
    if layer.event_dims and features is None:
        raise TraceError(f"{layer.signature()} does not say how many features it takes.")
    weights = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    one = layer.initial_state(1)
    batch = _unused_size([*weights.values(), *named_slots(one).values()], features or 1)
    with torch.no_grad():
        state = map_state(lambda slot: slot.new_empty(batch, *slot.shape[1:]), one)
    recorded = record(layer, weights, state, _event(layer, batch, features or 0), sequence=sequence)
    program, constants, draws = read(recorded, batch, list(weights), list(named_slots(state)))
    known = {**weights, **constants}
    used = [given.name for given in program.inputs if given.role == "weight"]
    return Traced(program, {name: known[name] for name in used}, draws)


_PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091)


def _unused_size(tensors: list[Tensor], features: int) -> int:
    """A number of rows that no other axis is a multiple of, so that the batch is told from all."""
    sizes = {features, *(size for tensor in tensors for size in tensor.shape)}
    return next(prime for prime in _PRIMES if not any(n and n % prime == 0 for n in sizes))


def _event(layer: Layer, batch: int, features: int) -> Tensor:
    if not layer.event_dims:
        return torch.zeros(batch, dtype=torch.long)
    like = next((p for p in layer.parameters() if p.is_floating_point()), torch.zeros(0))
    return like.new_zeros(batch, features)
