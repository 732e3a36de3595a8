"""Where every value is kept, and the instructions on it, as the engine reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.compiler.plan.gradients import Sum, sums_of
from recurra.compiler.plan.graph import Graph, Node
from recurra.compiler.plan.stages import assign_stages, order_stage
from recurra.compiler.plan.views import DIMS, View, collapse, contiguous
from recurra.program import Program

__all__ = ["Layout", "lay_out"]

# As native/plan/plan.h numbers them.
SPACES = ("x", "y", "weight", "weight_grad", "constant", "state", "chunk", "step", "tile")
WORK = ("product", "rows", "weights")
MOST_INPUTS = 3

Table = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """What the engine is handed."""

    buffers: Table
    instructions: Table
    stages: Table
    segments: Table
    matrices: Table
    constants: NDArray[np.float64]
    descending: bool
    parts: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # of each stage: its kind, and its nodes in words


class _Place(NamedTuple):
    """A buffer, and where in it."""

    buffer: int
    offset: int = 0


class _Buffers:
    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []
        self.counts = dict.fromkeys(SPACES, 0)

    def add(self, space: str, size: int) -> int:
        self.rows.append((SPACES.index(space), self.counts[space], size))
        self.counts[space] += 1
        return len(self.rows) - 1

    def size(self, buffer: int) -> int:
        return self.rows[buffer][2]


def lay_out(program: Program, ops: dict[str, int], dtype: str, *, descending: bool) -> Layout:
    """Lay a step out.

    Args:
        program: simplified and fused.
        ops: the engine's numbers of ops.
        dtype: "float32" or "float64"; an index takes as many elements of it as 8 bytes are.
        descending: whether time runs from the last step to the first.

    Raises:
        PlanError: the engine cannot run it.
    """
    return _Laying(program, ops, 2 if dtype == "float32" else 1, descending).run()


class _Laying:
    def __init__(
        self, program: Program, ops: dict[str, int], elements_of_index: int, descending: bool
    ) -> None:
        self.program = program
        self.ops = ops
        self.elements_of_index = elements_of_index
        self.descending = descending
        self.sums, unmade = sums_of(program)
        self.graph = Graph(program, unmade)
        self.buffers = _Buffers()
        self.places: dict[int, _Place] = {}
        self.constants: list[float] = []
        self.matrices: list[tuple[int, ...]] = []
        self.weight_grads: dict[str, int] = {}

    def run(self) -> Layout:
        self._inputs()
        self._pin_sums()
        self._straighten()
        states = self._states()
        self._drop_unread()
        loops = assign_stages(self.graph, states, self._read_afterwards())
        self._copy_states_for_others(loops)
        self._place_answers()
        stages = self._order(loops)
        self._place_all(stages)
        return self._encode(stages)

    # --- what comes from outside ------------------------------------------------------------------

    def _inputs(self) -> None:
        self.state_values: dict[str, int] = {}
        for value, (name, role, (kind, shape)) in enumerate(self.program.inputs):
            size = math.prod(shape) * (self.elements_of_index if kind == "index" else 1)
            if role == "state":
                self.state_values[name] = value
            space = {"x": "x", "draw": "x", "weight": "weight", "state": "state"}[role]
            self.places[value] = _Place(self.buffers.add(space, size))
        # Draws come after all x.
        xs = [v for v, each in enumerate(self.program.inputs) if each.role == "x"]
        draws = [v for v, each in enumerate(self.program.inputs) if each.role == "draw"]
        for index, value in enumerate([*xs, *draws]):
            space, _, size = self.buffers.rows[self.places[value].buffer]
            self.buffers.rows[self.places[value].buffer] = (space, index, size)
        for name, role, _ in self.program.outputs:
            if role == "weight":
                value = next(
                    v for v, i in enumerate(self.program.inputs) if i[:2] == (name, "weight")
                )
                size = math.prod(self.program.inputs[value].type.shape)
                self.weight_grads[name] = self.buffers.add("weight_grad", size)

    def _states(self) -> dict[int, int]:
        """The stored value of every state, and that of its new state."""
        self.new_states: dict[str, View] = {
            name: self.graph.views[value]
            for name, role, value in self.program.outputs
            if role == "state"
        }
        return {self.state_values[name]: view.base for name, view in self.new_states.items()}

    def _pin_sums(self) -> None:
        """What sums over all times read must lie together at every time."""
        for each in self.sums:
            each.inputs = [self._for_a_sum(each, k) for k in range(len(each.values))]

    def _for_a_sum(self, each: Sum, k: int) -> View:
        view = self.graph.views[each.values[k]]
        given = self._input_role(view.base)
        together = each.kind == "column_sum" or not view.shape or view.strides[-1] in (0, 1)
        stepwise = given in ("state", "weight") or view.base in self.graph.constants
        scalar = each.kind == "outer" and view.strides and view.strides[-1] == 0
        return self.graph.copy(view) if stepwise or not together or scalar else view

    def _straighten(self) -> None:
        """Copies operands that a kernel cannot go through: it goes from element to element."""
        for node in list(self.graph.nodes):
            for k in self._crooked(node):
                node.inputs[k] = self.graph.copy(node.inputs[k])
                self.graph.nodes.insert(self.graph.nodes.index(node), self.graph.nodes.pop())

    def _crooked(self, node: Node) -> list[int]:
        if node.op in ("copy", "product", "matvec", "matvec_transposed", "one_hot", "gather"):
            return []
        if node.op in ("sum", "mean", "largest"):
            view = node.inputs[0]
            dims, _ = collapse(view.shape[:-1], [contiguous(node.shape), view.strides[:-1]])
            return [0] if view.strides[-1] != 1 or dims[0] != 1 else []
        into = node.into.strides if node.into else contiguous(node.shape)
        _, strides = collapse(node.shape, [into, *(view.strides for view in node.inputs)])
        return [k for k, each in enumerate(strides[1:]) if each[-1] not in (0, 1)]

    def _input_role(self, base: int) -> str | None:
        return self.program.inputs[base].role if base < self.graph.first else None

    def _read_afterwards(self) -> list[int]:
        return [o.value for o in self.program.outputs if o.role == "y"]

    def _drop_unread(self) -> None:
        given_out = {
            self.graph.views[o.value].base for o in self.program.outputs if o.role in ("y", "state")
        }
        given_out |= {view.base for each in self.sums for view in each.inputs}
        needed = set(given_out)
        kept = []
        for node in reversed(self.graph.nodes):
            if node.out in needed:
                needed.update(node.reads())
                kept.append(node)
        self.graph.nodes = kept[::-1]

    # --- states and answers -----------------------------------------------------------------------

    def _copy_states_for_others(self, loops: dict[int, int]) -> None:
        """A state is read where it is carried; other stages and products over all times read a copy."""
        copies: dict[int, View] = {}
        for node in list(self.graph.nodes):
            for k, view in enumerate(node.inputs):
                stage = loops.get(view.base)
                if stage is None or stage == node.stage:
                    continue
                if view.base not in copies:
                    copies[view.base] = self.graph.copy(self.graph.views[view.base])
                    self.graph.nodes[-1].stage = stage
                copied = copies[view.base]
                node.inputs[k] = view._replace(base=copied.base)

    def _place_answers(self) -> None:
        """Answers are made where they go, if nothing else of their storage is."""
        self.answer_copies: list[tuple[View, int]] = []
        makers = self._makers()
        for name, role, value in self.program.outputs:
            if role != "y":
                continue
            view = self.graph.views[value]
            size = math.prod(self.graph.types[value].shape)
            buffer = self.buffers.add("y", size)
            free = view.base not in self.places and view.base in makers
            if free and view.is_whole(self.graph.sizes[view.base]):
                self.places[view.base] = _Place(buffer)
            else:
                self.answer_copies.append((view, buffer))

    def _makers(self) -> dict[int, list[Node]]:
        makers: dict[int, list[Node]] = {}
        for node in self.graph.nodes:
            makers.setdefault(node.out, []).append(node)
        return makers

    def _order(self, loops: dict[int, int]) -> list[list[list[Node]]]:
        """Stages of segments of nodes, with the copies that answers and states need."""
        makers = self._makers()
        late: list[Node] = []
        for view, buffer in self.answer_copies:
            stage = max(
                [node.stage for node in makers.get(view.base, [])], default=loops.get(view.base, 0)
            )
            late.append(self._copy_to(view, _Place(buffer), stage))
        users = self._users()
        for name, view in self.new_states.items():
            state = self.state_values[name]
            stage = loops[state]
            if not self._made_in_place(view, state, stage, makers, users):
                late.append(self._copy_to(view, self.places[state], stage))
                late[-1].writes_state = name
        last = max([node.stage for node in [*self.graph.nodes, *late]], default=0)
        stages = []
        for stage in range(last + 1):
            segments = order_stage([n for n in self.graph.nodes if n.stage == stage])
            after = [n for n in late if n.stage == stage]
            if after:
                # Answers before states: an answer may be read off the state before it changes.
                after.sort(key=lambda node: node.writes_state is not None)
                after = self._after_reads(after)
                if segments and segments[-1][0].op != "product":
                    segments[-1] += after
                else:
                    segments.append(after)
            stages.append(segments)
        return stages

    def _after_reads(self, copies: list[Node]) -> list[Node]:
        """States that become other states' old values are set aside first."""
        states = {self.places[v].buffer for v in self.state_values.values()}
        read = {
            self.places[view.base].buffer
            for node in copies
            if node.writes_state
            for view in node.inputs
            if view.base in self.places and self.places[view.base].buffer in states
        }
        ready: list[Node] = []
        for node in copies:
            if node.writes_state is None or not read:
                ready.append(node)
        if not read:
            return ready
        aside = []
        for node in copies:
            if node.writes_state is None:
                continue
            copied = self.graph.copy(node.inputs[0])
            first = self.graph.nodes.pop()
            first.stage = node.stage
            ready.append(first)
            node.inputs = [copied]
            aside.append(node)
        return ready + aside

    def _copy_to(self, view: View, place: _Place, stage: int) -> Node:
        value = self.graph.new(view.shape)
        self.places[value] = place
        return Node("copy", value, view.shape, [view], stage=stage)

    def _users(self) -> dict[int, list[Node]]:
        users: dict[int, list[Node]] = {}
        for node in self.graph.nodes:
            for base in node.reads():
                users.setdefault(base, []).append(node)
        return users

    def _made_in_place(
        self,
        view: View,
        state: int,
        stage: int,
        makers: dict[int, list[Node]],
        users: dict[int, list[Node]],
    ) -> bool:
        """Whether a new state can be made where the old one is."""
        base = view.base
        makes = makers.get(base, [])
        readers = users.get(state, [])
        fine = (
            base not in self.places
            and len(makes) == 1
            and makes[0].into is None
            and makes[0].stage == stage
            and makes[0].op not in ("product", "matvec", "matvec_transposed")
            and view.is_whole(self.graph.sizes[base])
            and all(node.stage == stage for node in users.get(base, []))
            and not any(each.base == base for s in self.sums for each in s.inputs)
            and not any(v.base == state for v, _ in self.answer_copies)
            and not any(v.base == state for name, v in self.new_states.items())
        )
        if not fine:
            return False
        order = [
            n
            for segment in order_stage([n for n in self.graph.nodes if n.stage == stage])
            for n in segment
        ]
        place = {id(node): k for k, node in enumerate(order)}
        written = place[id(makes[0])]
        for node in readers:
            if node.stage != stage or place[id(node)] > written:
                return False
            if node is makes[0] and not self._element_by_element(node, state):
                return False
        self.places[base] = self.places[state]
        return True

    def _element_by_element(self, node: Node, state: int) -> bool:
        wanted = contiguous(node.shape)
        pointwise = node.op not in ("sum", "mean", "largest", "one_hot", "gather")
        return pointwise and all(
            view.offset == 0 and view.strides == wanted
            for view in node.inputs
            if view.base == state
        )

    # --- what is stored within --------------------------------------------------------------------

    def _place_all(self, stages: list[list[list[Node]]]) -> None:
        counter = 0
        for s, segments in enumerate(stages):
            for g, segment in enumerate(segments):
                for node in segment:
                    node.stage, node.segment, node.place = s, g, counter
                    counter += 1
        spans: dict[int, list[Node]] = {}
        for segments in stages:
            for segment in segments:
                for node in segment:
                    for base in {node.out, *node.reads()}:
                        spans.setdefault(base, []).append(node)
        after = {view.base for each in self.sums for view in each.inputs}
        tiles: list[tuple[int, int, int]] = []  # first and last place, value
        for base, nodes in spans.items():
            if base in self.places or base in self.graph.constants:
                continue
            size = self.graph.sizes[base]
            where = {(node.stage, node.segment) for node in nodes}
            if base in after or len({stage for stage, _ in where}) > 1:
                self.places[base] = _Place(self.buffers.add("chunk", size))
            elif len(where) > 1 or any(node.op == "product" for node in nodes):
                space = "step" if nodes[0].stage % 2 else "chunk"
                self.places[base] = _Place(self.buffers.add(space, size))
            else:
                tiles.append((nodes[0].place, nodes[-1].place, base))
        self._place_tiles(tiles)

    def _place_tiles(self, tiles: Sequence[tuple[int, int, int]]) -> None:
        """Values of one group of rows use the same memory one after the other."""
        free: dict[int, list[int]] = {}
        busy: list[tuple[int, int]] = []  # last place, buffer
        for first, last, base in sorted(tiles):
            for end, buffer in [each for each in busy if each[0] < first]:
                busy.remove((end, buffer))
                free.setdefault(self.buffers.size(buffer), []).append(buffer)
            size = self.graph.sizes[base]
            waiting = free.get(size)
            buffer = waiting.pop() if waiting else self.buffers.add("tile", size)
            self.places[base] = _Place(buffer)
            busy.append((last, buffer))

    # --- as numbers -------------------------------------------------------------------------------

    def _encode(self, stages: list[list[list[Node]]]) -> Layout:
        instructions: list[list[int]] = []
        segments_table: list[tuple[int, int, int]] = []
        stages_table: list[tuple[int, int]] = []
        parts: list[tuple[str, tuple[str, ...]]] = []
        for number, segments in enumerate(stages):
            if not segments:
                continue
            for segment in segments:
                first = len(instructions)
                instructions += [self._instruction(node) for node in segment]
                work = "product" if segment[0].op == "product" else "rows"
                segments_table.append((WORK.index(work), first, len(instructions)))
            stages_table.append((number % 2, len(segments)))
            words = tuple(self._words(node) for segment in segments for node in segment)
            parts.append(("loop" if number % 2 else "all times", words))
        if self.sums:
            first = len(instructions)
            instructions += [self._sum(each) for each in self.sums]
            segments_table.append((WORK.index("weights"), first, len(instructions)))
            stages_table.append((0, 1))
            words = tuple(
                f"{each.kind} {' '.join(str(list(v.shape)) for v in each.inputs)} onto {each.weight}"
                for each in self.sums
            )
            parts.append(("sums over rows and times", words))
        if self.constants:
            self.buffers.rows[self.constant_buffer] = (
                SPACES.index("constant"),
                0,
                len(self.constants),
            )
        return Layout(
            _table(self.buffers.rows, 3),
            _table(instructions, 3 + DIMS + (1 + MOST_INPUTS) * (2 + DIMS)),
            _table(stages_table, 2),
            _table(segments_table, 3),
            _table(self.matrices, 6),
            np.array(self.constants, dtype=np.float64),
            self.descending,
            tuple(parts),
        )

    def _words(self, node: Node) -> str:
        sizes = f"[{', '.join(map(str, node.shape))}]"
        if node.op != "product" or node.matrix is None:
            return f"{node.op} {sizes}"
        n, k = node.matrix.shape
        onto = " onto a sum" if len(node.inputs) > 1 else ""
        return f"product [{n}, {k}]{onto}"

    def _operand(self, view: View, strides: Sequence[int]) -> list[int]:
        if view.base in self.graph.constants:
            place = _Place(
                self._constants_buffer(), self._constant(self.graph.constants[view.base])
            )
        else:
            place = self.places[view.base]
        return [place.buffer, place.offset + view.offset, *strides]

    def _constants_buffer(self) -> int:
        if not hasattr(self, "constant_buffer"):
            self.constant_buffer = self.buffers.add("constant", 0)
        return self.constant_buffer

    def _constant(self, number: float) -> int:
        if number not in self.constants:
            self.constants.append(number)
        return self.constants.index(number)

    def _instruction(self, node: Node) -> list[int]:
        into = node.into or View(node.out, 0, node.shape, contiguous(node.shape))
        if node.op == "product":
            return self._product(node, into)
        if node.op in ("sum", "mean", "largest"):
            dims, operands = self._reduction(node, into)
        elif node.op in ("matvec", "matvec_transposed", "one_hot", "gather"):
            dims, operands = self._special(node, into)
        else:
            dims, operands = self._pointwise(node, into)
        names = {"not": "not_", "and": "and_"}
        return self._row(names.get(node.op, node.op), node.extra, dims, operands)

    def _row(
        self, op: str, extra: int, dims: Sequence[int], operands: Sequence[list[int]]
    ) -> list[int]:
        none = [-1, 0, *([0] * DIMS)]
        padded = [*operands, *([none] * (1 + MOST_INPUTS - len(operands)))]
        return [
            self.ops[op], len(operands) - 1, extra, *dims,
            *(number for operand in padded for number in operand),
        ]  # fmt: skip

    def _pointwise(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        views = [into, *node.inputs]
        dims, strides = collapse(node.shape, [view.strides for view in views])
        # One element: its step matters only to those who ask whether rows follow each other.
        strides = [
            (*s[:-1], 1) if dims[-1] == 1 and not self._same_for_all(view) else s
            for view, s in zip(views, strides, strict=True)
        ]
        return dims, [self._operand(v, s) for v, s in zip(views, strides, strict=True)]

    def _same_for_all(self, view: View) -> bool:
        return view.base in self.graph.constants or self._input_role(view.base) == "weight"

    def _reduction(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        (view,) = node.inputs
        *outer, size = view.shape
        dims, (out, given) = collapse(tuple(outer), [into.strides, view.strides[:-1]])
        return (*dims[1:], size), [
            self._operand(into, (*out[1:], 0)),
            self._operand(view, (*given[1:], 1)),
        ]

    def _special(self, node: Node, into: View) -> tuple[Sequence[int], list[list[int]]]:
        if node.op == "one_hot":
            (index,) = node.inputs
            return (1, 1, 1, node.extra), [
                self._operand(into, (0, 0, 0, 1)), self._operand(index, (0,) * DIMS),
            ]  # fmt: skip
        if node.op == "gather":
            index, weights = node.inputs
            return (1, 1, 1, node.shape[0]), [
                self._operand(into, (0, 0, 0, 1)),
                self._operand(index, (0,) * DIMS),
                self._operand(weights, (0, 0, *weights.strides)),
            ]
        matrix, vector = node.inputs
        rows, columns = matrix.shape
        if node.op == "matvec":
            return (1, 1, rows, columns), [
                self._operand(into, (0, 0, 1, 0)),
                self._operand(matrix, (0, 0, matrix.strides[0], 1)),
                self._operand(vector, (0, 0, 0, 1)),
            ]
        return (1, 1, rows, columns), [
            self._operand(into, (0, 0, 0, 1)),
            self._operand(matrix, (0, 0, matrix.strides[0], 1)),
            self._operand(vector, (0, 0, vector.strides[0], 0)),
        ]

    def _product(self, node: Node, into: View) -> list[int]:
        assert node.matrix is not None
        n, k = node.matrix.shape
        matrix = (
            self.places[node.matrix.base].buffer, node.matrix.offset, *node.matrix.strides, n, k,
        )  # fmt: skip
        if matrix not in self.matrices:
            self.matrices.append(matrix)
        operands = [self._operand(into, (0, 0, 0, 1)), self._operand(node.inputs[0], (0, 0, 0, 1))]
        if len(node.inputs) > 1:
            operands.append(self._operand(node.inputs[1], (0, 0, 0, 1)))
        return self._row("product", self.matrices.index(matrix), (1, 1, n, k), operands)

    def _sum(self, each: Sum) -> list[int]:
        target = [self.weight_grads[each.weight], each.into.offset]
        if each.kind == "outer":
            one, other = each.inputs
            (n,), (k,) = one.shape, other.shape
            return self._row("outer", 0, (1, 1, n, k), [
                [*target, 0, 0, *each.into.strides],
                self._operand(one, (0, 0, 0, 1)), self._operand(other, (0, 0, 0, 1)),
            ])  # fmt: skip
        if each.kind == "scatter":
            index, other = each.inputs
            return self._row("scatter", each.extra, (1, 1, 1, other.shape[0]), [
                [*target, 0, 0, *each.into.strides],
                self._operand(index, (0,) * DIMS), self._operand(other, (0, 0, 0, *other.strides)),
            ])  # fmt: skip
        (view,) = each.inputs
        dims, (out, given) = collapse(view.shape, [each.into.strides, view.strides])
        return self._row("column_sum", 0, dims, [[*target, *out], self._operand(view, given)])


def _table(rows: Iterable[Sequence[int]], width: int) -> Table:
    return np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, width)
