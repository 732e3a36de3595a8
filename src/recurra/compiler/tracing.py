"""What one step of a layer computes, read off torch itself.

The layer runs once on tensors that hold no numbers, torch writes down the ATen operations that it
meets, and each becomes ops of the closed set. Whatever plain torch the cell is written in, its
submodules and Python functions included, is then gone.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from recurra.cells.state import map_state, named_slots
from recurra.compiler.handlers import HANDLERS
from recurra.compiler.lowering import Lowering, Value
from recurra.errors import TraceError
from recurra.layers import Layer
from recurra.program import Program, verify

__all__ = ["Traced", "trace"]

_aten = torch.ops.aten
_DECOMPOSED: Any = get_decompositions(
    [
        _aten.leaky_relu, _aten.hardsigmoid, _aten.hardswish, _aten.hardtanh, _aten.mish,
        _aten.addcdiv, _aten.baddbmm, _aten.stack, _aten.square,
    ]
)  # fmt: skip
_DECIDES = (DataDependentOutputException, GuardOnDataDependentSymNode)


class Traced(NamedTuple):
    """One step of a layer as a program, and the weights it was traced with."""

    program: Program  # input x, answer y, states and weights by their names in the layer
    weights: dict[str, Tensor]


class _Step(nn.Module):
    """One event through a layer, as a module, so that its weights can be swapped for a call."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: Any, x: Tensor) -> tuple[Tensor, Any]:
        return self.layer.run_step(state, x)


def trace(layer: Layer) -> Traced:
    """The program of one step of a layer, in the mode (training or evaluation) the layer is in.

    Args:
        layer: any layer that can step; it must say its `input_size`.

    Returns:
        The verified program. Its weights are the layer's parameters and buffers under their names
        in the `state_dict`, its states the slots under their dotted names.

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
    """
    if layer.event_dims and layer.input_size is None:
        raise TraceError(f"{layer.signature()} does not say how many features it takes.")
    batch = _unused_size(layer)
    weights = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    with torch.no_grad():
        state = layer.initial_state(batch)
    graph = _record(layer, weights, state, _event(layer, batch))
    program = _Reading(batch).read(graph, list(weights), list(named_slots(state)))
    return Traced(program, {name: weights[name] for name in _used(program)})


def _used(program: Program) -> list[str]:
    return [given.name for given in program.inputs if given.role == "weight"]


def _unused_size(layer: Layer) -> int:
    """A number of rows that no other axis has, so that the batch is told from all others."""
    sizes = {size for tensor in layer.state_dict().values() for size in tensor.shape}
    sizes |= {size for slot in named_slots(layer.initial_state(1)).values() for size in slot.shape}
    return next(size for size in (1009, 1013, 1019, 1021, 1031) if size not in sizes)


def _event(layer: Layer, batch: int) -> Tensor:
    if not layer.event_dims:
        return torch.zeros(batch, dtype=torch.long)
    like = next((p for p in layer.parameters() if p.is_floating_point()), torch.zeros(0))
    return like.new_zeros(batch, layer.input_size or 0)


def _record(layer: Layer, weights: dict[str, Tensor], state: Any, x: Tensor) -> fx.Graph:
    step = _Step(layer)
    names = [f"layer.{name}" for name in weights]

    def run(weights: list[Tensor], slots: list[Tensor], x: Tensor) -> list[Tensor]:
        given = iter(slots)
        before = map_state(lambda _: next(given), state)
        swapped = dict(zip(names, weights, strict=True))
        y, after = torch.func.functional_call(step, swapped, (before, x))
        return [y, *named_slots(after).values()]

    # What is written in place becomes new values.
    pure = torch.func.functionalize(run, remove="mutations")
    recorder = make_fx(pure, tracing_mode="fake", decomposition_table=_DECOMPOSED)
    try:
        with torch.no_grad():
            graph: fx.Graph = recorder(
                list(weights.values()), list(named_slots(state).values()), x
            ).graph
    except _DECIDES as error:
        raise TraceError(
            f"{layer.signature()} decides by the numbers it is given, so one program cannot be "
            f"all it does. Use torch.where."
        ) from error
    graph.eliminate_dead_code()
    return graph


class _Reading:
    """A graph of ATen operations, read into a program from top to bottom."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.low = Lowering()
        self.low.batch = batch
        self.values: dict[fx.Node, Any] = {}

    def read(self, graph: fx.Graph, weights: list[str], slots: list[str]) -> Program:
        """The graph's program."""
        places = [n for n in graph.nodes if n.op == "placeholder"]
        self._inputs(places, weights, slots)
        for node in graph.nodes:
            if node.op == "call_function":
                self.values[node] = self._call(node)
            elif node.op not in ("placeholder", "output"):
                raise TraceError(f"{node.target} is a constant tensor made while stepping.")
        (answers,) = next(n for n in graph.nodes if n.op == "output").args
        y, *after = (self._with_rows(node) for node in answers)
        self.low.b.output("y", "y", self.low.as_float(y).id)
        for name, value in zip(slots, after, strict=True):
            self.low.b.output(name, "state", value.id)
        program = self.low.b.program()
        verify(program)
        return program

    def _inputs(self, places: list[fx.Node], weights: list[str], slots: list[str]) -> None:
        """X first, then the states, then the weights that are used."""
        given = dict(zip([*weights, *slots], places[:-1], strict=True))
        x = places[-1]
        kind = "float" if x.meta["val"].is_floating_point() else "index"
        self._input(x, "x", "x", kind)
        for name in slots:
            self._input(given[name], name, "state", "float")
        for name in weights:
            if given[name].users:
                self._input(given[name], name, "weight", "float")

    def _input(self, node: fx.Node, name: str, role: Any, kind: Any) -> None:
        rows = role != "weight"
        shape = tuple(node.meta["val"].shape)[rows:]
        self.values[node] = Value(self.low.b.input(name, role, shape, kind), rows)

    def _call(self, node: fx.Node) -> Any:
        if node.target is operator.getitem:
            whole, place = node.args
            return self.values[whole][place]  # type: ignore[index]
        self.low.operation = str(node.target)
        made = node.meta.get("val")
        self.low.made = tuple(made.shape) if isinstance(made, Tensor) else ()
        handler = HANDLERS.get(self.low.operation)
        if handler is None:
            raise TraceError(f"{self.low.operation} has no counterpart among the ops.")
        args, kwargs = fx.node.map_aggregate(
            (node.args, node.kwargs), lambda a: self.values[a] if isinstance(a, fx.Node) else a
        )
        return handler(self.low, *args, **kwargs)

    def _with_rows(self, node: fx.Node) -> Value:
        """An output; one that is the same for all rows is still one for each."""
        value: Value = self.values[node]
        if value.rows:
            return value
        self.low.operation = "the answer or a new state"
        if self.low.shape(value)[:1] != (self.batch,):
            self.low.refuse("has no axis for the rows of the batch")
        return value
