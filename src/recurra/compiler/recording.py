"""What torch does in one step of a layer, as torch writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from recurra.cells.base import Cell
from recurra.cells.state import describe, map_state, named_slots, same_structure
from recurra.cells.wrapper import with_submodule
from recurra.compiler.attributes import attributes_stay
from recurra.compiler.swapping import swapped
from recurra.compiler.watching import Watch, graph_so_far
from recurra.errors import RecurraError, TraceError
from recurra.layers import Layer

__all__ = ["Recorded", "record"]

_aten = torch.ops.aten
_DECOMPOSED: Any = get_decompositions(
    [
        _aten.leaky_relu, _aten.hardsigmoid, _aten.hardswish, _aten.hardtanh, _aten.mish,
        _aten.celu, _aten.softshrink, _aten.hardshrink, _aten.threshold, _aten.glu,
        _aten._prelu_kernel, _aten.logit, _aten.xlogy, _aten.heaviside, _aten.addcdiv,
        _aten.baddbmm, _aten.square, _aten.tril, _aten.triu, _aten.cumsum, _aten.linalg_cross,
        _aten._weight_norm_interface, _aten._scaled_dot_product_flash_attention_for_cpu,
    ]
)  # fmt: skip
# By name: to import these classes takes a second, and the recording may never need them.
_DECIDES = ("DataDependentOutputException", "GuardOnDataDependentSymNode")

Module = TypeVar("Module", bound=nn.Module)


class Recorded(NamedTuple):
    """One step of a layer as a graph of ATen operations."""

    graph: fx.Graph  # takes the weights, then the state's slots, then x; gives y, then the slots
    constants: nn.Module  # holds the tensors that the graph gets by name
    held: frozenset[str]  # the nodes of what is done once for a whole sequence
    without_gradient: frozenset[str]  # the nodes of what is done under torch.no_grad


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
    detached = [weight.detach() for weight in weights.values()]
    watch = Watch()
    with torch.enable_grad(), _explained(layer, watch), watch:
        module: fx.GraphModule = recorder(detached, slots, x)
    return Recorded(module.graph, module, step.held, watch.without_gradient(module.graph))


class _Step(nn.Module):
    """One event through a layer, as a module, so that its weights can be swapped for a call."""

    def __init__(self, layer: Layer, sequence: bool) -> None:
        super().__init__()
        self.layer = layer
        self.sequence = sequence
        self.held: frozenset[str] = frozenset()

    def forward(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        layer = _for_sequence(self.layer, len(x)) if self.sequence else self.layer
        self.held = frozenset(node.name for node in graph_so_far().nodes)
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
    if not same_structure(before, after) or describe(before) != describe(after):
        rows = str(len(next(iter(named_slots(before).values()))))
        was, is_now = (describe(state).replace(rows, "batch") for state in (before, after))
        raise TraceError(f"{layer.signature()} makes a state {is_now} out of {was}.")


@contextmanager
def _explained(layer: Layer, watch: Watch) -> Iterator[None]:
    """Whatever stops the recording, as an error of ours; a cell's own mistakes are its cause."""
    try:
        yield
    except RecurraError:
        raise
    except Exception as error:
        if watch.refused:
            raise watch.refused from error
        if type(error).__name__ in _DECIDES:
            raise TraceError(
                f"{layer.signature()} decides by the numbers it is given, so one program cannot be "
                f"all it does. Use torch.where."
            ) from error
        raise TraceError(
            f"{layer.signature()} does something that torch cannot write down as operations: "
            f"{type(error).__name__}: {error}"
        ) from error
