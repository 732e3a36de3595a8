"""Where answers and new states go: made in their place if they can be, else copied there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from recurra.compiler.plan.encoding import NORMS, REDUCTIONS
from recurra.compiler.plan.gradients import Sum
from recurra.compiler.plan.graph import Graph, Node
from recurra.compiler.plan.stages import order_stage
from recurra.compiler.plan.storage import Place, Storage
from recurra.compiler.plan.views import View, contiguous

__all__ = ["Outputs"]

_OF_WHOLE_LINES = frozenset({*REDUCTIONS, *NORMS, "matvec", "matvec_transposed", "gather"})


class Outputs:
    """What a plan gives out, and the copies that it takes.

    Args:
        graph: with the stage of every node known.
        storage: gets the places.
        loops: the stage of the loop of every state, by the state's value.
        sums: gradients of weights, which read values after all stages.
    """

    def __init__(
        self, graph: Graph, storage: Storage, loops: Mapping[int, int], sums: Sequence[Sum]
    ) -> None:
        self.graph = graph
        self.storage = storage
        self.loops = loops
        self.summed = {view.base for each in sums for view in each.inputs}
        self.makers: dict[int, list[Node]] = {}
        self.readers: dict[int, list[Node]] = {}
        for node in graph.nodes:
            self.makers.setdefault(node.out, []).append(node)
            for base in node.reads():
                self.readers.setdefault(base, []).append(node)
        outputs = graph.program.outputs
        self.answers = [graph.views[o.value] for o in outputs if o.role == "y"]
        self.new_states = {
            graph.value_of("state", o.name): graph.views[o.value]
            for o in outputs
            if o.role == "state"
        }

    def copies(self) -> list[Node]:
        """Places all outputs, and gives the copies to run at the end of their stages."""
        copied = [self._answer(view) for view in self.answers]
        answers = [node for node in copied if node is not None]
        self.read_by_answers = {base for node in answers for base in node.reads()}
        states = [
            self._copy(view, self.storage.places[state], self.loops[state])
            for state, view in self.new_states.items()
            if not self._made_in_place(view, state)
        ]
        # Answers first: they may read a state before it changes.
        return [*answers, *self._old_values_aside(states)]

    def _answer(self, view: View) -> Node | None:
        place = self.storage.add("y", math.prod(view.shape))
        free = view.base not in self.storage.places and view.base in self.makers
        if free and view.is_whole(self.graph.sizes[view.base]):
            self.storage.places[view.base] = place
            return None
        made = [node.stage for node in self.makers.get(view.base, [])]
        return self._copy(view, place, max(made, default=self.loops.get(view.base, 0)))

    def _copy(self, view: View, place: Place, stage: int) -> Node:
        value = self.graph.new(view.shape)
        self.storage.places[value] = place
        return Node("copy", value, view.shape, [view], stage=stage)

    def _old_values_aside(self, copies: list[Node]) -> list[Node]:
        """States that become others' old values are all read before any is written."""
        old = {base for node in copies for base in node.reads()} & set(self.new_states)
        if not old:
            return copies
        aside = [
            Node("copy", self.graph.new(node.shape), node.shape, node.inputs, stage=node.stage)
            for node in copies
        ]
        for node, first in zip(copies, aside, strict=True):
            node.inputs = [self.graph.views[first.out]]
        return aside + copies

    def _made_in_place(self, view: View, state: int) -> bool:
        """Whether a new state can be made where the old one is, and then it is."""
        base, stage = view.base, self.loops[state]
        makers = self.makers.get(base, [])
        fine = (
            base not in self.storage.places
            and len(makers) == 1
            and makers[0].into is None
            and makers[0].stage == stage
            and view.is_whole(self.graph.sizes[base])
            and all(node.stage == stage for node in self.readers.get(base, []))
            and base not in self.summed
            and state not in self.read_by_answers
            and all(other.base != state for other in self.new_states.values())
            and self._read_before(makers[0], state)
        )
        if fine:
            self.storage.places[base] = self.storage.places[state]
        return fine

    def _read_before(self, maker: Node, state: int) -> bool:
        """Whether all that reads the old state does so before the new one is made."""
        nodes = [node for node in self.graph.nodes if node.stage == maker.stage]
        order = {
            id(node): place
            for place, node in enumerate(n for segment in order_stage(nodes) for n in segment)
        }
        return all(
            node.stage == maker.stage
            and order[id(node)] <= order[id(maker)]
            and (node is not maker or _element_by_element(node, state))
            for node in self.readers.get(state, [])
        )


def _element_by_element(node: Node, state: int) -> bool:
    """Whether each element is made of the state's element in the same place only."""
    if node.op == "product":  # what it is added onto, but not what it multiplies
        return node.inputs[0].base != state
    if node.op in _OF_WHOLE_LINES:
        return False
    return all(
        view.offset == 0 and view.strides == contiguous(node.shape)
        for view in node.inputs
        if view.base == state
    )
