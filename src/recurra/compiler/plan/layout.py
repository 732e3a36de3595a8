"""A step laid out for the engine: stages of segments of instructions on buffers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recurra.compiler.plan.encoding import INSTRUCTION_WIDTH, Encoder, crooked, words_of
from recurra.compiler.plan.gradients import Sum, sums_of
from recurra.compiler.plan.graph import Graph, Node
from recurra.compiler.plan.outputs import Outputs
from recurra.compiler.plan.stages import assign_stages, order_stage
from recurra.compiler.plan.storage import Place, Storage
from recurra.compiler.plan.views import View
from recurra.program import Program

__all__ = ["Layout", "lay_out"]

WORK = ("product", "rows", "weights")  # as native/plan/plan.h numbers them

Table = NDArray[np.int64]
Stages = list[list[list[Node]]]


@dataclass(frozen=True)
class Layout:
    """What the engine is handed; native/plan/plan.h says what the columns are."""

    buffers: Table
    instructions: Table
    stages: Table
    segments: Table
    matrices: Table
    constants: NDArray[np.float64]
    parts: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # of each stage: its kind, and its nodes in words


def lay_out(program: Program, ops: Mapping[str, int], dtype: str) -> Layout:
    """Lay a step out.

    Args:
        program: a prepared step.
        ops: the engine's numbers of ops.
        dtype: "float32" or "float64"; an index takes as many elements of it as 8 bytes are.

    Raises:
        PlanError: the engine cannot run it.
    """
    sums, unmade = sums_of(program)
    graph = Graph(program, unmade)
    _read_together(graph, sums)
    _sum_factors(graph, sums)
    _straighten(graph)
    _drop_unread(graph, sums)
    storage = Storage()
    weight_grads = _take_inputs(graph, storage, 2 if dtype == "float32" else 1)
    states = {
        graph.value_of("state", o.name): graph.views[o.value].base
        for o in program.outputs
        if o.role == "state"
    }
    loops = assign_stages(graph, states, [o.value for o in program.outputs if o.role == "y"])
    _copy_states_for_other_stages(graph, loops)
    stages = _in_order(graph, Outputs(graph, storage, loops, sums).copies())
    afterwards = frozenset(view.base for each in sums for view in each.inputs)
    storage.keep_inside(graph, stages, afterwards)
    return _encode(stages, sums, storage, Encoder(graph, storage, ops, weight_grads))


def _take_inputs(graph: Graph, storage: Storage, elements_of_index: int) -> dict[str, Place]:
    """Places what comes from outside, draws after all x; gives the places of weights' gradients."""
    inputs = graph.program.inputs
    spaces = {"x": "x", "draw": "x", "weight": "weight", "state": "state"}
    for value in sorted(range(len(inputs)), key=lambda v: inputs[v].role == "draw"):
        _, role, (kind, shape) = inputs[value]
        size = math.prod(shape) * (elements_of_index if kind == "index" else 1)
        storage.places[value] = storage.add(spaces[role], size)
    return {
        o.name: storage.add("weight_grad", graph.sizes[graph.value_of("weight", o.name)])
        for o in graph.program.outputs
        if o.role == "weight"
    }


def _read_together(graph: Graph, sums: Sequence[Sum]) -> None:
    """What is summed over all times has to be there at every time, its elements together."""
    for each in sums:
        each.inputs = []
        for value in each.values:
            view = graph.views[value]
            stays = graph.role(view.base) in ("state", "weight") or view.base in graph.constants
            apart = each.kind == "outer" and view.shape[0] > 1 and view.strides[0] != 1
            each.inputs.append(graph.copy(view) if stays or apart else view)


def _sum_factors(graph: Graph, sums: Sequence[Sum]) -> None:
    """Sums a product from its factors, where these are there at every time anyway."""
    outputs = graph.program.outputs
    read = Counter(base for node in graph.nodes for base in node.reads())
    read.update(view.base for each in sums for view in each.inputs)
    read.update(graph.views[o.value].base for o in outputs if o.role in ("y", "state"))
    products: list[tuple[Sum, Node]] = []
    for each in sums:
        view = each.inputs[0]
        node = graph.made_by.get(view.base)
        if node is None or node.op != "mul" or node.into or each.kind != "column_sum":
            continue
        if view == graph.views[view.base] and read[view.base] == 1:
            products.append((each, node))
    there = {v for v, given in enumerate(graph.program.inputs) if given.role in ("x", "draw")}
    there |= {view.base for each in sums for view in each.inputs}
    there -= {node.out for _, node in products}
    for each, node in products:
        if there.issuperset(node.reads()):
            each.inputs = list(node.inputs)


def _straighten(graph: Graph) -> None:
    """Copies operands that a kernel cannot go through, before the node that reads them."""
    for node in list(graph.nodes):
        for k in crooked(node):
            node.inputs[k] = graph.copy(node.inputs[k])
            graph.nodes.insert(graph.nodes.index(node), graph.nodes.pop())


def _drop_unread(graph: Graph, sums: Sequence[Sum]) -> None:
    outputs = graph.program.outputs
    needed = {graph.views[o.value].base for o in outputs if o.role in ("y", "state")}
    needed |= {view.base for each in sums for view in each.inputs}
    kept = []
    for node in reversed(graph.nodes):
        if node.out in needed:
            needed.update(node.reads())
            kept.append(node)
    graph.nodes = kept[::-1]


def _copy_states_for_other_stages(graph: Graph, loops: Mapping[int, int]) -> None:
    """A state is there in its own loop only; what else reads it reads a copy made there."""
    copies: dict[int, View] = {}
    for node in list(graph.nodes):
        for k, view in enumerate(node.inputs):
            stage = loops.get(view.base)
            if stage is None or stage == node.stage:
                continue
            if view.base not in copies:
                copies[view.base] = graph.copy(graph.views[view.base])
                graph.nodes[-1].stage = stage
            node.inputs[k] = view._replace(base=copies[view.base].base)


def _in_order(graph: Graph, copies: Sequence[Node]) -> Stages:
    """Stages of segments of nodes; copies of outputs end theirs."""
    last = max((node.stage for node in [*graph.nodes, *copies]), default=0)
    stages: Stages = []
    for stage in range(last + 1):
        segments = order_stage([node for node in graph.nodes if node.stage == stage])
        after = [node for node in copies if node.stage == stage]
        if after and segments and segments[-1][0].op != "product":
            segments[-1] += after
        elif after:
            segments.append(after)
        stages.append(segments)
    return stages


def _encode(stages: Stages, sums: Sequence[Sum], storage: Storage, encoder: Encoder) -> Layout:
    instructions: list[list[int]] = []
    segment_rows: list[tuple[int, int, int]] = []
    stage_rows: list[tuple[int, int]] = []
    parts: list[tuple[str, tuple[str, ...]]] = []
    for number, segments in enumerate(stages):
        if not segments:
            continue
        for segment in segments:
            first = len(instructions)
            instructions += [encoder.node(node) for node in segment]
            work = "product" if segment[0].op == "product" else "rows"
            segment_rows.append((WORK.index(work), first, len(instructions)))
        stage_rows.append((number % 2, len(segments)))
        words = tuple(words_of(node) for segment in segments for node in segment)
        parts.append(("loop" if number % 2 else "all times", words))
    if sums:
        first = len(instructions)
        instructions += [encoder.sum(each) for each in sums]
        segment_rows.append((WORK.index("weights"), first, len(instructions)))
        stage_rows.append((0, 1))
        parts.append(("sums over rows and times", tuple(each.words() for each in sums)))
    return Layout(
        _table(storage.rows, 3),
        _table(instructions, INSTRUCTION_WIDTH),
        _table(stage_rows, 2),
        _table(segment_rows, 3),
        _table(encoder.matrices, 6),
        np.array(storage.constants, dtype=np.float64),
        tuple(parts),
    )


def _table(rows: Iterable[Sequence[int]], width: int) -> Table:
    return np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, width)
