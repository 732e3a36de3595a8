"""Buffers, and where in them every stored value is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from recurra.compiler.plan.graph import Graph, Node

__all__ = ["SPACES", "Place", "Storage"]

# As native/plan/plan.h numbers them.
SPACES = ("x", "y", "weight", "weight_grad", "constant", "state", "chunk", "step", "tile")


class Place(NamedTuple):
    """A buffer, and where in it."""

    buffer: int
    offset: int = 0


class Storage:
    """All buffers of a plan, and the places of its values."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []  # space, number in it, elements of a row
        self.places: dict[int, Place] = {}
        self.constants: list[float] = []
        self._counts = dict.fromkeys(SPACES, 0)
        self._constants_buffer: int | None = None

    def add(self, space: str, size: int) -> Place:
        """A new buffer."""
        self.rows.append((SPACES.index(space), self._counts[space], size))
        self._counts[space] += 1
        return Place(len(self.rows) - 1)

    def constant(self, number: float) -> Place:
        """The place of a number that is known beforehand."""
        if self._constants_buffer is None:
            self._constants_buffer = self.add("constant", 0).buffer
        known = [each.hex() for each in self.constants]  # which tells 0 from -0
        if number.hex() not in known:
            known.append(number.hex())
            self.constants.append(number)
            space, index, _ = self.rows[self._constants_buffer]
            self.rows[self._constants_buffer] = (space, index, len(self.constants))
        return Place(self._constants_buffer, known.index(number.hex()))

    def keep_inside(
        self,
        graph: Graph,
        stages: Sequence[Sequence[Sequence[Node]]],
        read_afterwards: frozenset[int],
    ) -> None:
        """Places what has none yet: the nearer to its readers, the shorter it is kept.

        Values of one group of rows are in tiles, those of a step in steps, and those that a later
        stage reads, or that are read after all stages, in chunks.
        """
        tiles: list[tuple[int, int, int]] = []  # first and last node, value
        for base, nodes in _nodes_at(stages).items():
            if base in self.places or base in graph.constants:
                continue
            size = graph.sizes[base]
            where = {(node.stage, node.segment) for node in nodes}
            if base in read_afterwards or len({stage for stage, _ in where}) > 1:
                self.places[base] = self.add("chunk", size)
            elif len(where) > 1 or any(node.op == "product" for node in nodes):
                self.places[base] = self.add("step" if nodes[0].stage % 2 else "chunk", size)
            else:
                tiles.append((nodes[0].place, nodes[-1].place, base))
        self._share_tiles(graph.sizes, tiles)

    def _share_tiles(self, sizes: Mapping[int, int], tiles: Sequence[tuple[int, int, int]]) -> None:
        """Values of one group of rows use the same memory one after the other."""
        free: dict[int, list[Place]] = {}
        busy: list[tuple[int, Place]] = []  # last node, place
        for first, last, base in sorted(tiles):
            for end, place in [each for each in busy if each[0] < first]:
                busy.remove((end, place))
                free.setdefault(self.rows[place.buffer][2], []).append(place)
            waiting = free.get(sizes[base])
            place = waiting.pop() if waiting else self.add("tile", sizes[base])
            self.places[base] = place
            busy.append((last, place))


def _nodes_at(stages: Sequence[Sequence[Sequence[Node]]]) -> dict[int, list[Node]]:
    """The nodes that make or read each stored value, in order; numbers all nodes on the way."""
    found: dict[int, list[Node]] = {}
    counter = 0
    for s, segments in enumerate(stages):
        for g, segment in enumerate(segments):
            for node in segment:
                node.stage, node.segment, node.place = s, g, counter
                counter += 1
                for base in {node.out, *node.reads()}:
                    found.setdefault(base, []).append(node)
    return found
