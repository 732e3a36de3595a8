"""A graph of ATen operations, read into a program from top to bottom."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from recurra.compiler.draws import Draw, Span
from recurra.compiler.folding import fold, has_batch, is_written
from recurra.compiler.handlers import HANDLERS, LAWS
from recurra.compiler.lowering import Lowering, Rows, Value
from recurra.compiler.recording import Recorded
from recurra.errors import TraceError
from recurra.program import Program, verify

__all__ = ["Read", "read"]

_TAKE_INDICES = {"aten.index.Tensor", "aten.index_select.default"}
_WHY = {
    "aten._local_scalar_dense.default": "takes a number out of a tensor. Keep it a tensor",
    "aten.copy_.default": "writes into an input, a weight or a buffer. What a step remembers is "
    "its state; make a new one",
}


class Read(NamedTuple):
    """A program, and what it needs besides the layer's own weights."""

    program: Program
    constants: dict[str, Tensor]
    draws: dict[str, Draw]


def read(recorded: Recorded, batch: int, weights: Sequence[str], slots: Sequence[str]) -> Read:
    """The program of a recorded step.

    Args:
        recorded: the graph of a step.
        batch: the number of rows it was recorded with.
        weights: the names of the graph's first inputs.
        slots: those of the inputs after them.

    Raises:
        TraceError: an operation mixes rows or is not in the table.
    """
    reading = _Reading(recorded, batch)
    reading.inputs(weights, slots)
    return Read(reading.program(slots), reading.constants, reading.draws)


class _Reading:
    def __init__(self, recorded: Recorded, batch: int) -> None:
        self.recorded = recorded
        self.nodes: list[fx.Node] = list(recorded.graph.nodes)
        self.batch = batch
        self.low = Lowering(batch)
        self.known = fold(recorded, batch)
        self.values: dict[fx.Node, Any] = {}
        self.drawn: dict[fx.Node, Value] = {}
        self.constants: dict[str, Tensor] = {}
        self.draws: dict[str, Draw] = {}

    # --- inputs -------------------------------------------------------------------------------

    def inputs(self, weights: Sequence[str], slots: Sequence[str]) -> None:
        """X first, then the states, the draws, and the weights and constants that are used."""
        places = [node for node in self.nodes if node.op == "placeholder"]
        given = dict(zip([*weights, *slots], places[:-1], strict=True))
        x = places[-1]
        self._input(x, "x", "x", "float" if x.meta["val"].is_floating_point() else "index")
        for name in slots:
            if not given[name].meta["val"].is_floating_point():
                raise TraceError(f"state {name} is {given[name].meta['val'].dtype}, not floats.")
            self._input(given[name], name, "state", "float")
        for node in self.nodes:
            if str(node.target) in LAWS and node.users:
                self._draw(node)
        for name in weights:
            if given[name].users:
                self._input(given[name], name, "weight", "float")
        for node in self.nodes:
            if self._is_constant_input(node):
                self._constant(node)
        for node in self.values:
            if node.meta["val"].dtype is torch.bool:
                self._as_truths(node)

    def _input(self, node: fx.Node, name: str, role: Any, kind: Any) -> None:
        rows = None if role == "weight" else Rows()
        shape = tuple(node.meta["val"].shape)[rows is not None :]
        if node.meta["val"].is_complex():
            raise TraceError(f"{role} {name} is complex. Write it as a pair of reals.")
        self.values[node] = Value(self.low.b.input(name, role, shape, kind), rows)

    def _draw(self, node: fx.Node) -> None:
        self._at(node)
        if not has_batch(node.meta["val"], self.batch):
            self.low.refuse("draws numbers that all rows share. Draw some for every row")
        rows, shape = self.low.of_rows(self.low.made)
        span: Span = "sequence" if node.name in self.recorded.held else "step"
        law = LAWS[str(node.target)]
        name = f"{law}.{len(self.draws)}"
        self.draws[name] = Draw(law, span)
        self.drawn[node] = Value(self.low.b.input(name, "draw", shape), rows)

    def _is_constant_input(self, node: fx.Node) -> bool:
        """Whether a tensor that is in nobody's `state_dict` is used as it is."""
        if node not in self.known:
            return node.op == "get_attr" and bool(node.users)
        made = self.known[node]
        return (
            isinstance(made, Tensor)
            and _number_in(made) is None
            and any(user not in self.known and not _as_index(made, user) for user in node.users)
        )

    def _constant(self, node: fx.Node) -> None:
        name = f"constant.{len(self.constants)}"
        tensor: Any = (
            self.known[node]
            if node in self.known
            else getattr(self.recorded.constants, str(node.target))
        )
        self.constants[name] = tensor
        self._input(node, name, "weight", "float")

    def _as_truths(self, node: fx.Node) -> None:
        """Booleans, which a program is given as 1 and 0."""
        given = self.values[node]
        self.low.operation = "a boolean weight"
        zero = self.low.pointwise("equal", given, 0)
        self.values[node] = self.low.op("not", given.rows, zero.id)

    # --- operations ---------------------------------------------------------------------------

    def program(self, slots: Sequence[str]) -> Program:
        """The verified program, once its inputs are known."""
        for node in self.nodes:
            needed = node.users or is_written(node)
            if node.op == "call_function" and needed and node not in self.known:
                made = self._call(node)
                quiet = node.name in self.recorded.without_gradient
                self.values[node] = self._detached(made) if quiet else made
        end = self.nodes[-1]
        answers: Any = end.args[0]
        self.low.operation = "the answer or a new state"
        y, *after = (self.low.as_float(self._argument(node, end)) for node in answers)
        self.low.b.output("y", "y", y.id)
        for name, value in zip(slots, after, strict=True):
            self.low.b.output(name, "state", value.id)
        program = self.low.b.program()
        verify(program)
        return program

    def _call(self, node: fx.Node) -> Any:
        if node.target is operator.getitem:
            whole, place = node.args
            return self.values[whole][place]  # type: ignore[index]
        self._at(node)
        operation = self.low.operation
        if is_written(node) and operation not in _WHY:
            operation = self._unwritten(node)
        if operation not in HANDLERS:
            self.low.refuse(_WHY.get(operation, "has no counterpart among the ops"))
        args, kwargs = fx.node.map_aggregate(
            (node.args, node.kwargs),
            lambda a: self._argument(a, node) if isinstance(a, fx.Node) else a,
        )
        return HANDLERS[operation](self.low, *args, **kwargs)

    def _detached(self, made: Any) -> Any:
        if isinstance(made, (tuple, list)) and not isinstance(made, Value):
            return [self._detached(each) for each in made]
        return self.low.detached(made) if isinstance(made, Value) else made

    def _at(self, node: fx.Node) -> None:
        """Tells the lowering what it is about to read."""
        made = node.meta.get("val")
        first = made[0] if isinstance(made, (tuple, list)) else made
        self.low.operation = str(node.target)
        self.low.made = tuple(first.shape) if isinstance(first, Tensor) else ()
        self.low.drawn = self.drawn.get(node)
        for each in (node, *node.all_input_nodes):
            if isinstance(each.meta.get("val"), Tensor) and each.meta["val"].is_complex():
                self.low.refuse("computes with complex numbers. Write them as pairs of reals")

    def _unwritten(self, node: fx.Node) -> str:
        """The operation that gives the same, where nobody looks at what was written into."""
        if len(node.all_input_nodes[0].users) > 1:
            self.low.refuse("writes in place. Use the operation that makes a new tensor")
        return self.low.operation.replace("_.", ".", 1)

    def _argument(self, node: fx.Node, user: fx.Node) -> Any:
        if node in self.values:
            return self.values[node]
        made = self.known[node]
        if _as_index(made, user):
            return made
        number = _number_in(made)
        assert number is not None
        value = self.low.filled(number, made.shape, None)
        if made.dtype is torch.bool:
            return self.low.op("not", None, self.low.pointwise("equal", value, 0).id)
        return value


def _as_index(made: Any, user: fx.Node) -> bool:
    return isinstance(made, Tensor) and str(user.target) in _TAKE_INDICES


def _number_in(made: Tensor) -> float | None:
    """The number that a tensor holds everywhere, if it is one."""
    if not made.numel():
        return 0.0
    first = made.flatten()[0]
    alike = not made.is_complex() and bool((made == first).all())
    return float(first) if alike else None
