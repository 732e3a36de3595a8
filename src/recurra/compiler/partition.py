"""What of a step truly recurs, and what can be done for all times at once.

Draw the dataflow of a step, with an edge from each new state back to the state it becomes. What
lies on a circle is a loop over time. All else is straight-line work, done for all times and rows at
once: products with x before the loop, the answer and whatever follows it after. A stack of layers
falls apart into one loop a layer by itself. A state that lies on no circle, such as "the input
before", is no loop either: outside a loop, a state is its new state one step late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recurra.program import Program

__all__ = ["Partition", "Stage", "partition"]

Kind = Literal["once", "all times", "loop"]


class Stage(NamedTuple):
    """Instructions that are run together."""

    kind: Kind
    values: tuple[int, ...]  # the numbers of the values they make, in order
    states: tuple[str, ...] = ()  # of a loop: the states it carries


@dataclass(frozen=True)
class Partition:
    """The stages of a program, in the order they can be run.

    Attributes:
        program: what was partitioned.
        stages: every instruction is in one of them.
        delayed: the states that no loop carries. Outside a loop any state may be read once its new
            state is made for all times: it is that, one step late.
    """

    program: Program
    stages: tuple[Stage, ...]
    delayed: tuple[str, ...]

    def __str__(self) -> str:
        lines = str(self.program).splitlines()
        parts = []
        for kind, values, states in self.stages:
            over = f" over {', '.join(states)}" if states else ""
            parts += [f"{kind}{over}:", *(f"  {lines[value]}" for value in values)]
        return "\n".join(parts)


def partition(program: Program) -> Partition:
    """Split a step into what is done once, for all times at once, and in loops over time.

    Args:
        program: a valid program of a step.

    >>> import recurra as rc
    >>> print(partition(rc.compiler.trace(rc.Recurrent(rc.cells.Elman(3, 8))).program))
    all times:
      %5 = matvec(%2, %0, transposed=False) float[8]
      %6 = add(%5, %3) float[8]
    loop over h:
      %7 = matvec(%4, %1, transposed=False) float[8]
      %8 = add(%6, %7) float[8]
      %9 = tanh(%8) float[8]
    """
    flow = _Flow(program)
    loops = flow.loops()
    looping = {name for names in loops.values() for name in names}
    delayed = tuple(name for name in flow.state_inputs if name not in looping)
    stages = [Stage("once", once)] if (once := flow.once()) else []
    done = flow.given() | set(once)
    waiting = dict(loops)
    in_loops = {value for members in loops for value in members}
    rest = [value for value in flow.made() if value not in in_loops and value not in done]
    while rest or waiting:
        ready = flow.straight(rest, done)
        if ready:
            stages.append(Stage("all times", tuple(ready)))
            rest = [value for value in rest if value not in done]
        for members in [each for each in waiting if flow.needs(each) <= flow.known(done)]:
            names = waiting.pop(members)
            values = tuple(value for value in sorted(members) if value >= flow.first)
            stages.append(Stage("loop", values, names))
            done |= members
    return Partition(program, tuple(stages), delayed)


class _Flow:
    """Which value is made of which."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.first = len(program.inputs)
        self.state_inputs = {
            name: value for value, (name, role, _) in enumerate(program.inputs) if role == "state"
        }
        self.new_states = {o.name: o.value for o in program.outputs if o.role == "state"}

    def made(self) -> range:
        """The values that instructions make."""
        return range(self.first, self.first + len(self.program.instructions))

    def inputs_of(self, value: int) -> tuple[int, ...]:
        return self.program.instructions[value - self.first].inputs if value >= self.first else ()

    def given(self) -> set[int]:
        """The inputs that are there for all times: all but the states."""
        return set(range(self.first)) - set(self.state_inputs.values())

    def once(self) -> tuple[int, ...]:
        """Values that depend on weights and constants only."""
        shared = {k for k, given in enumerate(self.program.inputs) if given.role == "weight"}
        for value in self.made():
            if shared.issuperset(self.inputs_of(value)):
                shared.add(value)
        return tuple(value for value in self.made() if value in shared)

    def loops(self) -> Mapping[frozenset[int], tuple[str, ...]]:
        """The circles: their values, and the states they carry. Every circle passes a state."""
        found: dict[frozenset[int], tuple[str, ...]] = {}
        for name, value in self.state_inputs.items():
            after, before = self._after(value), self._before(value)
            if self.new_states[name] in after:
                circle = frozenset(after & before)
                found[circle] = (*found.get(circle, ()), name)
        return found

    def _after(self, start: int) -> set[int]:
        """Values that depend on one, later steps included, and the one itself."""
        reached, size = {start}, 0
        while len(reached) > size:
            size = len(reached)
            for value in self.made():
                if not reached.isdisjoint(self.inputs_of(value)):
                    reached.add(value)
            reached |= {
                self.state_inputs[name]
                for name, value in self.new_states.items()
                if value in reached
            }
        return reached

    def _before(self, start: int) -> set[int]:
        """Values that one depends on, earlier steps included, and the one itself."""
        back = {self.state_inputs[name]: value for name, value in self.new_states.items()}
        reached, waiting = {start}, [start]
        while waiting:
            value = waiting.pop()
            sources: Iterable[int] = self.inputs_of(value)
            for source in (*sources, *([back[value]] if value in back else [])):
                if source not in reached:
                    reached.add(source)
                    waiting.append(source)
        return reached

    def needs(self, members: frozenset[int]) -> set[int]:
        """What a loop takes from outside."""
        return {k for value in members for k in self.inputs_of(value)} - members

    def known(self, done: set[int]) -> set[int]:
        """What may be read: what is done, and the states it becomes a step later."""
        return done | {
            state for name, state in self.state_inputs.items() if self.new_states[name] in done
        }

    def straight(self, rest: list[int], done: set[int]) -> list[int]:
        """The values that can be made now for all times, in order; they are added to `done`."""
        ready: list[int] = []
        grown = True
        while grown:
            grown = False
            for value in rest:
                if value not in done and self.known(done).issuperset(self.inputs_of(value)):
                    done.add(value)
                    ready.append(value)
                    grown = True
        return ready
