"""What torch does in one step of a layer, as torch writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch.fx.experimental.proxy_tensor import get_proxy_mode, make_fx
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.overrides import TorchFunctionMode

from recurra.cells.base import Cell
from recurra.cells.state import describe, map_state, named_slots, same_structure
from recurra.cells.wrapper import with_submodule
from recurra.compiler.attributes import attributes_stay
from recurra.compiler.swapping import swapped
from recurra.errors import RecurraError, TraceError
from recurra.layers import Layer

__all__ = ["Recorded", "record"]

_aten = torch.ops.aten
_DECOMPOSED: Any = get_decompositions(
    [
        _aten.leaky_relu, _aten.hardsigmoid, _aten.hardswish, _aten.hardtanh, _aten.mish,
        _aten.addcdiv, _aten.baddbmm, _aten.celu, _aten.glu, _aten.stack, _aten.square,
    ]
)  # fmt: skip
_DECIDES = (DataDependentOutputException, GuardOnDataDependentSymNode)
_LEAVES_TORCH = {Tensor.numpy, Tensor.tolist, Tensor.__array__}

Module = TypeVar("Module", bound=nn.Module)


class Recorded(NamedTuple):
    """One step of a layer as a graph of ATen operations."""

    graph: fx.Graph  # takes the weights, then the state's slots, then x; gives y, then the slots
    constants: nn.Module  # holds the tensors that the graph gets by name
    held: frozenset[str]  # the nodes of what is done once for a whole sequence


def record(
    layer: Layer, weights: dict[str, Tensor], state: Any, x: Tensor, *, sequence: bool
) -> Recorded:
    """Run one step on tensors that hold no numbers, and write down what it does.

    Args:
        layer: any layer that can step.
        weights: all of its parameters and buffers.
        state: of as many rows as x.
        x: one event a row.
        sequence: a step of a sequence, which holds what a cell draws once for all steps.

    Raises:
        TraceError: the step decides by numbers, keeps something outside the state, or does what
            torch cannot write down.
    """
    step = _Step(layer, sequence)
    names = list(weights)

    def run(weights: list[Tensor], slots: list[Tensor], x: Tensor) -> list[Tensor]:
        given = iter(slots)
        before = map_state(lambda _: next(given), state)
        with swapped(layer, dict(zip(names, weights, strict=True))):
            y, after = step(before, x)
        _check_state(layer, before, after)
        return [y, *named_slots(after).values()]

    # What is written in place becomes new values.
    pure = torch.func.functionalize(run, remove="mutations")
    recorder = make_fx(
        pure,
        tracing_mode="fake",
        decomposition_table=_DECOMPOSED,
        _allow_non_fake_inputs=True,
    )
    slots = list(named_slots(state).values())
    with torch.no_grad(), _explained(layer), _StaysInTorch():
        module: fx.GraphModule = recorder(list(weights.values()), slots, x)
    return Recorded(module.graph, module, step.held)


class _Step(nn.Module):
    """One event through a layer, as a module, so that its weights can be swapped for a call."""

    def __init__(self, layer: Layer, sequence: bool) -> None:
        super().__init__()
        self.layer = layer
        self.sequence = sequence
        self.held: frozenset[str] = frozenset()

    def forward(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        layer = _for_sequence(self.layer, len(x)) if self.sequence else self.layer
        recording: Any = get_proxy_mode()
        self.held = frozenset(node.name for node in recording.tracer.graph.nodes)
        with attributes_stay(layer):
            return layer.run_step(state, x)


def _for_sequence(module: Module, batch: int) -> Module:
    """A layer whose cells are those that one call of it would run."""
    if isinstance(module, Cell):
        return module.for_sequence(batch)  # type: ignore[return-value]
    for name, inside in list(module.named_children()):
        held = _for_sequence(inside, batch)
        if held is not inside:
            module = with_submodule(module, name, held)
    return module


def _check_state(layer: Layer, before: Any, after: Any) -> None:
    alike = same_structure(before, after)
    if not alike or describe(before) != describe(after):
        raise TraceError(
            f"{layer.signature()} makes a state {describe(after)} out of {describe(before)}."
        )


@contextmanager
def _explained(layer: Layer) -> Iterator[None]:
    """Whatever stops the recording, as an error of ours; a cell's own mistakes are its cause."""
    try:
        yield
    except RecurraError:
        raise
    except _DECIDES as error:
        raise TraceError(
            f"{layer.signature()} decides by the numbers it is given, so one program cannot be "
            f"all it does. Use torch.where."
        ) from error
    except Exception as error:
        raise TraceError(
            f"{layer.signature()} does something that torch cannot write down as operations: "
            f"{type(error).__name__}: {error}"
        ) from error


class _StaysInTorch(TorchFunctionMode):
    """Refuses ways out of torch: the numbers that would come out are none."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function in _LEAVES_TORCH:
            raise TraceError(
                f"Tensor.{function.__name__} leaves torch in the middle of a step. "
                f"Compute with torch's own operations."
            )
        return function(*args, **(kwargs or {}))
