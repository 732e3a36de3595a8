"""When each node runs: before, in, between and after the loops over time.

Draw the dataflow of a step, with an edge from each new state back to the state it becomes. Stages
alternate: an even one does its work for all times of a chunk at once, an odd one goes step by step.
What lies on a circle is in a loop. A product that does not runs in an even stage, over all times,
and that is where the speed comes from. All else goes along with what reads it, so that its values
never leave the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from recurra.compiler.plan.graph import Graph, Node

__all__ = ["assign_stages", "order_stage"]


def assign_stages(graph: Graph, states: Mapping[int, int], pinned: Iterable[int]) -> dict[int, int]:
    """Sets the stage of every node.

    Args:
        graph: its nodes.
        states: the stored value of each state, and that of its new state.
        pinned: stored values that are read for all times after the last stage; their makers stay
            where they are.

    Returns:
        The stage of the loop of every state.
    """
    makers: dict[int, list[int]] = {}
    for place, node in enumerate(graph.nodes):
        makers.setdefault(node.out, []).append(place)
    count = len(graph.nodes)
    state_nodes = {value: count + k for k, value in enumerate(states)}
    before: list[set[int]] = [
        {p for base in node.reads() for p in makers.get(base, []) if node.waits_for(graph.nodes[p])}
        | {state_nodes[base] for base in node.reads() if base in state_nodes}
        for node in graph.nodes
    ]
    for value in states:
        new = states[value]
        before.append({*makers.get(new, []), *([state_nodes[new]] if new in state_nodes else [])})
    stages = [-1] * len(before)
    for component in _components(before):
        earlier = max(
            (stages[p] for k in component for p in before[k] if stages[p] >= 0), default=0
        )
        loops = any(k >= count for k in component) or len(component) > 1
        product = not loops and graph.nodes[component[0]].op == "product"
        stage = earlier
        if (loops and earlier % 2 == 0) or (product and earlier % 2 == 1):
            stage += 1
        for k in component:
            stages[k] = stage
    _sink(graph, stages, before, {graph.views[v].base for v in pinned if v in graph.views})
    for place, node in enumerate(graph.nodes):
        node.stage = stages[place]
    return {value: stages[place] for value, place in state_nodes.items()}


def _sink(graph: Graph, stages: list[int], before: list[set[int]], pinned: set[int]) -> None:
    """Moves work that is not a product down to the loop that reads it first."""
    users: list[set[int]] = [set() for _ in before]
    for place, sources in enumerate(before):
        for source in sources:
            users[source].add(place)
    for place in reversed(range(len(graph.nodes))):
        node = graph.nodes[place]
        if node.op == "product" or stages[place] % 2 or not users[place] or node.out in pinned:
            continue
        first = min(stages[user] for user in users[place])
        if first > stages[place]:
            stages[place] = first


def _components(before: Sequence[set[int]]) -> list[list[int]]:
    """Strongly connected components, each after those it depends on (Tarjan 1972)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(before)):
        if root in index:
            continue
        work = [(root, iter(sorted(before[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, sources = work[-1]
            for source in sources:
                if source not in index:
                    index[source] = low[source] = len(index)
                    stack.append(source)
                    on_stack.add(source)
                    work.append((source, iter(sorted(before[source]))))
                    break
                if source in on_stack:
                    low[node] = min(low[node], index[source])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    found.append(sorted(component))
    return found


def order_stage(nodes: Sequence[Node]) -> list[list[Node]]:
    """The segments of a stage: products as early as they can run, the rest in groups between.

    >>> order_stage([])
    []
    """
    makers: dict[int, list[Node]] = {}
    for node in nodes:
        makers.setdefault(node.out, []).append(node)
    waiting = {
        id(node): {
            id(maker)
            for base in node.reads()
            for maker in makers.get(base, [])
            if node.waits_for(maker)
        }
        for node in nodes
    }
    left = list(nodes)
    done: set[int] = set()
    segments: list[list[Node]] = []
    while left:
        ready = [n for n in left if n.op == "product" and waiting[id(n)] <= done]
        if not ready:
            ready = _ready_rows(left, waiting, done)
        segments.append(ready)
        done |= {id(node) for node in ready}
        left = [node for node in left if id(node) not in done]
    return segments


def _ready_rows(
    left: Sequence[Node], waiting: Mapping[int, set[int]], done: set[int]
) -> list[Node]:
    """The nodes, no products, that can run one after the other now."""
    ready: list[Node] = []
    known = set(done)
    grown = True
    while grown:
        grown = False
        for node in left:
            if node.op != "product" and id(node) not in known and waiting[id(node)] <= known:
                ready.append(node)
                known.add(id(node))
                grown = True
    assert ready, "nodes wait for each other"
    return ready
