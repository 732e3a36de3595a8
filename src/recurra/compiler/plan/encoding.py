"""Nodes as the engine's instructions: rows of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recurra.compiler.plan.gradients import Sum
from recurra.compiler.plan.graph import Graph, Node
from recurra.compiler.plan.storage import Place, Storage
from recurra.compiler.plan.views import DIMS, View, collapse, contiguous

__all__ = ["INSTRUCTION_WIDTH", "NORMS", "REDUCTIONS", "Encoder", "crooked", "words_of"]

MOST_INPUTS = 3
INSTRUCTION_WIDTH = 3 + DIMS + (1 + MOST_INPUTS) * (2 + DIMS)

_NAMES = {"not": "not_", "and": "and_"}
_SPECIAL = ("matvec", "matvec_transposed", "one_hot", "gather")
REDUCTIONS = ("sum", "mean", "largest")
NORMS = {"norm_scale": 1, "standardize": 1, "norm_slope": 2}  # the inputs that are whole lines
_ONE = (0, 0, 0, 1)  # elements that follow each other
_STAYS = (0,) * DIMS


def crooked(node: Node) -> list[int]:
    """The inputs whose elements a kernel cannot go through; they have to be copied first."""
    if node.op == "copy" or node.op == "product" or node.op in _SPECIAL:
        return []
    if node.op in REDUCTIONS:
        view = node.inputs[0]
        dims, _ = collapse(view.shape[:-1], [contiguous(node.shape), view.strides[:-1]])
        return [0] if view.strides[-1] != 1 or dims[0] != 1 else []
    if node.op in NORMS:
        lines = node.inputs[: NORMS[node.op]]
        dims, _ = _lines_of_norm(node, contiguous(node.shape))
        together = dims[0] == 1 and all(view.strides[-1] == 1 for view in lines)
        return [] if together else list(range(len(node.inputs)))
    into = node.into.strides if node.into else contiguous(node.shape)
    _, strides = collapse(node.shape, [into, *(view.strides for view in node.inputs)])
    return [k for k, each in enumerate(strides[1:]) if each[-1] not in (0, 1)]


def words_of(node: Node) -> str:
    """A node in words.

    >>> words_of(Node("tanh", 0, (8,), []))
    'tanh [8]'
    """
    if node.op != "product" or node.matrix is None:
        return f"{node.op} {list(node.shape)}"
    onto = " onto a sum" if len(node.inputs) > 1 else ""
    return f"product {list(node.matrix.shape)}{onto}"


def _lines_of_norm(
    node: Node, into: Sequence[int]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The places of a norm's lines, and the steps between them in the result and each input."""
    shape = node.inputs[0].shape[:-1]
    steps = [view.strides[: len(shape)] for view in node.inputs]
    return collapse(shape, [into[: len(shape)], *steps])


class Encoder:
    """Writes instructions, once every value has its place."""

    def __init__(
        self,
        graph: Graph,
        storage: Storage,
        ops: Mapping[str, int],
        weight_grads: Mapping[str, Place],
    ) -> None:
        self.graph = graph
        self.storage = storage
        self.ops = ops
        self.weight_grads = weight_grads
        self.matrices: list[tuple[int, ...]] = []

    def node(self, node: Node) -> list[int]:
        """The instruction of a node."""
        into = node.into or View(node.out, 0, node.shape, contiguous(node.shape))
        if node.op == "product":
            return self._product(node, into)
        if node.op in REDUCTIONS:
            dims, operands = self._reduction(node, into)
        elif node.op in NORMS:
            dims, operands = self._norm(node, into)
        elif node.op in _SPECIAL:
            dims, operands = self._special(node, into)
        else:
            dims, operands = self._pointwise(node, into)
        return self._row(_NAMES.get(node.op, node.op), node.extra, dims, operands)

    def sum(self, each: Sum) -> list[int]:
        """The instruction of a weight's gradient."""
        buffer, offset = self.weight_grads[each.weight]
        target = [buffer, offset + each.into.offset]
        if each.kind == "outer":
            one, other = each.inputs
            return self._row(
                "outer",
                0,
                (1, 1, one.shape[0], other.shape[0]),
                [
                    [*target, 0, 0, *each.into.strides],
                    self._operand(one, _ONE),
                    self._operand(other, _ONE),
                ],
            )
        if each.kind == "scatter":
            index, other = each.inputs
            return self._row(
                "scatter",
                each.extra,
                (1, 1, 1, other.shape[0]),
                [
                    [*target, 0, 0, *each.into.strides],
                    self._operand(index, _STAYS),
                    self._operand(other, (0, 0, 0, *other.strides)),
                ],
            )
        strides = [each.into.strides, *(view.strides for view in each.inputs)]
        dims, (out, *given) = collapse(each.into.shape, strides)
        operands = [self._operand(v, s) for v, s in zip(each.inputs, given, strict=True)]
        return self._row("column_sum", 0, dims, [[*target, *out], *operands])

    def _row(
        self, op: str, extra: int, dims: Sequence[int], operands: Sequence[list[int]]
    ) -> list[int]:
        none = [-1, 0, *_STAYS]
        padded = [*operands, *([none] * (1 + MOST_INPUTS - len(operands)))]
        numbers = (number for operand in padded for number in operand)
        return [self.ops[op], len(operands) - 1, extra, *dims, *numbers]

    def _operand(self, view: View, strides: Sequence[int]) -> list[int]:
        number = self.graph.constants.get(view.base)
        place = self.storage.places[view.base] if number is None else self.storage.constant(number)
        return [place.buffer, place.offset + view.offset, *strides]

    def _pointwise(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        views = [into, *node.inputs]
        dims, strides = collapse(node.shape, [view.strides for view in views])
        # Of one element the step matters only where rows might follow each other.
        strides = [
            (*s[:-1], 1) if dims[-1] == 1 and not self._same_for_all(view) else s
            for view, s in zip(views, strides, strict=True)
        ]
        return dims, [self._operand(v, s) for v, s in zip(views, strides, strict=True)]

    def _same_for_all(self, view: View) -> bool:
        return view.base in self.graph.constants or self.graph.role(view.base) == "weight"

    def _reduction(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        (view,) = node.inputs
        dims, (out, given) = collapse(view.shape[:-1], [into.strides, view.strides[:-1]])
        return (*dims[1:], view.shape[-1]), [
            self._operand(into, (*out[1:], 0)),
            self._operand(view, (*given[1:], 1)),
        ]

    def _norm(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        whole = NORMS[node.op]
        (_, *dims), steps = _lines_of_norm(node, into.strides)
        lines = [node.op != "norm_scale", *(k < whole for k in range(len(node.inputs)))]
        return (*dims, node.inputs[0].shape[-1]), [
            self._operand(view, (*step[1:], int(line)))
            for view, step, line in zip([into, *node.inputs], steps, lines, strict=True)
        ]

    def _special(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        if node.op == "one_hot":
            (index,) = node.inputs
            operands = [self._operand(into, _ONE), self._operand(index, _STAYS)]
            return (1, 1, 1, node.extra), operands
        if node.op == "gather":
            index, weights = node.inputs
            return (1, 1, 1, node.shape[0]), [
                self._operand(into, _ONE),
                self._operand(index, _STAYS),
                self._operand(weights, (0, 0, *weights.strides)),
            ]
        matrix, vector = node.inputs
        step = (0, 0, matrix.strides[0], 1)
        if node.op == "matvec":
            out, along = (0, 0, 1, 0), _ONE
        else:
            out, along = _ONE, (0, 0, vector.strides[0], 0)
        return (1, 1, *matrix.shape), [
            self._operand(into, out),
            self._operand(matrix, step),
            self._operand(vector, along),
        ]

    def _product(self, node: Node, into: View) -> list[int]:
        assert node.matrix is not None
        n, k = node.matrix.shape
        buffer, offset = self.storage.places[node.matrix.base]
        matrix = (buffer, offset + node.matrix.offset, *node.matrix.strides, n, k)
        if matrix not in self.matrices:
            self.matrices.append(matrix)
        operands = [self._operand(view, _ONE) for view in (into, *node.inputs)]
        return self._row("product", self.matrices.index(matrix), (1, 1, n, k), operands)
