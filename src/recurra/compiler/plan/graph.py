"""A program as what has to be computed: nodes that read views and make stored values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from recurra.compiler.plan.views import View, contiguous, reshaped
from recurra.compiler.simplify import shared_values
from recurra.errors import PlanError
from recurra.program import Program, Type

__all__ = ["Graph", "Node"]

_VIEWS = ("reshape", "slice", "transpose", "expand")


@dataclass(eq=False)
class Node:
    """One thing to compute.

    Attributes:
        op: "product" for a matrix of weights times a vector; otherwise an op of the table, or
            "copy", "gather".
        out: the value it makes, which is stored; several nodes may make parts of one.
        shape: of what it makes.
        inputs: what it reads. A product reads the vector, and what it is added onto.
        matrix: of a product, the weights.
        into: where in the storage of `out` the result goes.
        extra: of one-hots and gathers, the number of places; of norms, whether they are centred.
    """

    op: str
    out: int
    shape: tuple[int, ...]
    inputs: list[View]
    matrix: View | None = None
    into: View | None = None
    extra: int = 0
    stage: int = -1
    segment: int = -1
    place: int = -1  # in the order in which all are computed

    def reads(self) -> Iterable[int]:
        """The stored values it reads."""
        return (view.base for view in self.inputs)

    def waits_for(self, maker: Node) -> bool:
        """Whether it reads what another node makes."""
        if maker is self:
            return False
        if maker.into is None:
            return maker.out in self.reads()
        first, last = maker.into.reach()
        return any(
            view.base == maker.out and view.reach()[0] < last and first < view.reach()[1]
            for view in self.inputs
        )


def _check_kinds(program: Program, types: Sequence[Type]) -> None:
    """Memory from outside holds floats, and each x that is an index a single one."""
    for name, role, (kind, _) in program.inputs:
        if kind == "bool" or (kind == "index" and role != "x"):
            raise PlanError(
                f"the {role} {name!r} holds {kind} values, which the engine keeps inside."
            )
    for given in types:
        if given.kind == "index" and given.shape != ():
            raise PlanError(f"the engine looks up one index at a time, not {given}.")


class Graph:
    """All nodes of a program, in order.

    Attributes:
        nodes: what to compute.
        views: every value as a view of a stored one.
        sizes: elements of every stored value.
        made_by: the node that makes a stored value; inputs and constants have none.
    """

    def __init__(self, program: Program, unmade: frozenset[int]) -> None:
        """`unmade` are values that nothing computes: outer products that are only summed up."""
        self.program = program
        self.types = program.types()
        _check_kinds(program, self.types)
        self.shared = shared_values(program)
        self.first = len(program.inputs)
        self.nodes: list[Node] = []
        self.views: dict[int, View] = {}
        self.sizes: dict[int, int] = {}
        self.made_by: dict[int, Node] = {}
        self.constants: dict[int, float] = {}
        self.count = len(self.types)
        for value in range(self.count):
            if value < self.first:
                self._store(value)
            elif value not in unmade:
                self._enter(value)

    def role(self, base: int) -> str | None:
        """The role of an input; what the program computes has none."""
        return self.program.inputs[base].role if base < self.first else None

    def value_of(self, role: str, name: str) -> int:
        """The value of an input."""
        return next(
            value for value, given in enumerate(self.program.inputs) if given[:2] == (name, role)
        )

    def _enter(self, value: int) -> None:
        op, inputs, attributes = self.program.instructions[value - self.first]
        if op in _VIEWS:
            self.views[value] = self._view(value, op, self.views[inputs[0]], attributes)
        elif op == "detach":
            self.views[value] = self.views[inputs[0]]
        elif op == "constant":
            shape = self.types[value].shape
            self.constants[value] = attributes["value"]
            self.views[value] = View(value, 0, shape, (0,) * len(shape))
        elif op == "concat":
            self._concat(value, inputs, attributes["axis"])
        elif op in ("matvec", "addmatvec"):
            self._product(value, op, inputs, attributes["transposed"])
        elif op == "outer":
            self._outer(value, inputs)
        else:
            extra = attributes.get("size", int(attributes.get("centred", 0)))
            self._node(op, value, [self.views[k] for k in inputs], extra=extra)

    def _store(self, value: int) -> None:
        shape = self.types[value].shape
        self.sizes[value] = math.prod(shape)
        self.views[value] = View(value, 0, shape, contiguous(shape))

    def _node(self, op: str, value: int, inputs: list[View], **more: Any) -> Node:
        self._store(value)
        node = Node(op, value, self.types[value].shape, inputs, **more)
        self.nodes.append(node)
        self.made_by[value] = node
        return node

    def new(self, shape: tuple[int, ...], kind: str = "float") -> int:
        """A stored value that the program does not have."""
        value, self.count = self.count, self.count + 1
        self.types.append(Type(kind, shape))  # type: ignore[arg-type]
        self._store(value)
        return value

    def copy(self, view: View) -> View:
        """The view's elements together in a storage of their own."""
        value = self.new(view.shape, self.types[view.base].kind)
        node = Node("copy", value, view.shape, [view])
        self.nodes.append(node)
        self.made_by[value] = node
        return self.views[value]

    def _view(self, value: int, op: str, view: View, attributes: Any) -> View:
        shape, strides = self.types[value].shape, list(view.strides)
        if op == "slice":
            offset = view.offset + attributes["start"] * strides[attributes["axis"]]
            return View(view.base, offset, shape, view.strides)
        if op == "transpose":
            order = attributes["order"]
            return View(view.base, view.offset, shape, tuple(strides[axis] for axis in order))
        if op == "expand":
            sizes = zip(view.shape, shape, view.strides, strict=True)
            return View(
                view.base,
                view.offset,
                shape,
                tuple(0 if old != new else stride for old, new, stride in sizes),
            )
        found = reshaped(view, shape)
        if found is None:
            found = reshaped(self.copy(view), shape)
        assert found is not None
        return found

    def _concat(self, value: int, inputs: tuple[int, ...], axis: int) -> None:
        self._store(value)
        whole, start = self.views[value], 0
        for part in inputs:
            view = self.views[part]
            into = View(value, start * whole.strides[axis], self.types[part].shape, whole.strides)
            start += self.types[part].shape[axis]
            if math.prod(into.shape) == 0:
                continue
            maker = self.made_by.get(view.base)
            together = math.prod(self.types[value].shape[:axis]) == 1
            movable = (
                maker is not None
                and maker.into is None
                and view.is_whole(self.sizes[view.base])
                and together
                and not self._parts_of(view.base)
            )
            if maker is not None and movable:
                self._move(maker, view.base, value, into.offset)
            else:
                node = Node("copy", value, into.shape, [view], into=into)
                self.nodes.append(node)
                self.made_by.setdefault(value, node)

    def _parts_of(self, value: int) -> bool:
        return any(node.out == value and node.into is not None for node in self.nodes)

    def _move(self, maker: Node, old: int, new: int, offset: int) -> None:
        """A value is made in its place in another one, and read there."""
        maker.out = new
        maker.into = View(new, offset, maker.shape, contiguous(maker.shape))
        self.made_by[new] = maker
        del self.made_by[old]

        def moved(view: View) -> View:
            return (
                view._replace(base=new, offset=view.offset + offset) if view.base == old else view
            )

        for value, view in self.views.items():
            if view.base == old:
                self.views[value] = moved(view)
        for node in self.nodes:
            node.inputs = [moved(view) for view in node.inputs]

    def _product(self, value: int, op: str, inputs: tuple[int, ...], transposed: bool) -> None:
        matrix, vector = inputs[-2:]
        onto = inputs[0] if op == "addmatvec" else None
        weights = self.views[matrix]
        if matrix not in self.shared or vector in self.shared:
            if onto is not None:
                raise PlanError("a product of each row's own matrix is added onto a sum.")
            self._row_product(value, weights, self.views[vector], transposed)
            return
        source = self.made_by.get(self.views[vector].base)
        if source is not None and source.op == "one_hot" and transposed and onto is None:
            self._node("gather", value, [source.inputs[0], weights], extra=source.extra)
            return
        if transposed:
            weights = weights._replace(
                shape=(weights.shape[1], weights.shape[0]),
                strides=(weights.strides[1], weights.strides[0]),
            )
        read = [self._together(self.views[vector])]
        if onto is not None:
            read.append(self._together(self.views[onto]))
        self._node("product", value, read, matrix=weights)

    def _together(self, view: View) -> View:
        """A vector whose elements follow each other."""
        return view if view.shape[0] <= 1 or view.strides[0] == 1 else self.copy(view)

    def _row_product(self, value: int, matrix: View, vector: View, transposed: bool) -> None:
        if matrix.strides[1] != 1 and matrix.shape[1] > 1 and matrix.strides[0] == 1:
            transposed = not transposed
            matrix = matrix._replace(shape=matrix.shape[::-1], strides=matrix.strides[::-1])
        if matrix.strides[1] != 1 and matrix.shape[1] > 1:
            matrix = self.copy(matrix)
        op = "matvec_transposed" if transposed else "matvec"
        self._node(op, value, [matrix, vector if transposed else self._together(vector)])

    def _outer(self, value: int, inputs: tuple[int, ...]) -> None:
        one, other = (self.views[k] for k in inputs)
        shape = self.types[value].shape
        column = View(one.base, one.offset, shape, (one.strides[0], 0))
        row = View(other.base, other.offset, shape, (0, other.strides[0]))
        self._node("mul", value, [column, row])
