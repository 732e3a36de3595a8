"""What depends on what in a program: weights only, how often used, in which loop over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recurra.program import Program

__all__ = ["VIEWS", "find_users", "loops_over_time", "shared_values"]

VIEWS = frozenset({"reshape", "expand", "transpose", "slice"})


def shared_values(program: Program) -> frozenset[int]:
    """The values that depend on weights and constants only: the same for all rows and times.

    >>> from recurra.program import Builder
    >>> b = Builder()
    >>> x, w = b.input("x", "x", (2,)), b.input("w", "weight", (2,))
    >>> b.output("y", "y", b.op("mul", x, b.op("exp", w)))
    >>> sorted(shared_values(b.program()))
    [1, 2]
    """
    shared = {value for value, given in enumerate(program.inputs) if given.role == "weight"}
    for value, instruction in enumerate(program.instructions, len(program.inputs)):
        if shared.issuperset(instruction.inputs):
            shared.add(value)
    return frozenset(shared)


def find_users(program: Program) -> dict[int, list[int]]:
    """The values that are made of each value."""
    count = len(program.inputs) + len(program.instructions)
    users: dict[int, list[int]] = {value: [] for value in range(count)}
    for value, instruction in enumerate(program.instructions, len(program.inputs)):
        for source in instruction.inputs:
            users[source].append(value)
    return users


def loops_over_time(program: Program) -> dict[int, int]:
    """The values that lie on a circle through time, each with the number of its circle.

    A step goes from state to new state; an adjoint from the gradient of a new state to that of the
    state, one step earlier.
    """
    back = _carried(program)
    inputs = (each.inputs for each in program.instructions)
    before: dict[int, Iterable[int]] = dict(enumerate(inputs, len(program.inputs)))
    after = find_users(program)
    for made, given in back:
        before[given] = (made,)
        after[made].append(given)
    found: dict[int, int] = {}
    for number, (made, given) in enumerate(back):
        if given not in found:
            circle = _reached(given, after) & _reached(given, before)
            if made in circle:
                found.update(dict.fromkeys(circle, number))
    return found


def _carried(program: Program) -> list[tuple[int, int]]:
    """Pairs of the value that a step gives and the input that the next one takes it as."""
    places = {(given.role, given.name): k for k, given in enumerate(program.inputs)}
    pairs = []
    for name, role, value in program.outputs:
        if role == "state":
            state = places["state", name]
            pairs.append((value, places.get(("gradient", f"state {name}"), state)))
    return pairs


def _reached(start: int, neighbours: Mapping[int, Iterable[int]]) -> set[int]:
    reached, waiting = {start}, [start]
    while waiting:
        for value in neighbours.get(waiting.pop(), ()):
            if value not in reached:
                reached.add(value)
                waiting.append(value)
    return reached
