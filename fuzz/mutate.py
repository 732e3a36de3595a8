"""Changes to a program's JSON that leave it nearly valid, which random bytes almost never are."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from recurra.program import OPS

Path = tuple[Any, ...]

STRANGE: list[Any] = [None, True, -1, 0, 1, 2, 31, 2**31, 2**63, 1e308, -0.5, "", "x", [], {}, [0]]


def mutate(program: Any, random: random.Random) -> Any:
    """One to four changes to a copy of the value."""
    program = copy.deepcopy(program)
    for _ in range(random.randint(1, 4)):
        random.choice(CHANGES)(program, random)
    return program


def resize_everywhere(program: Any, random: random.Random) -> None:
    """Another size wherever one size stands, so that shapes still agree."""
    sizes = [size for given in list_of(program, "inputs") for size in list_of(given, "shape")]
    if not sizes:
        return
    old, new = random.choice(sizes), random.choice([0, 1, 2, 7, 16, 17, 33])
    for path, value in leaves(program):
        if value == old and type(value) is type(old) and not is_value_number(path):
            put(program, path, new)


def is_value_number(path: Path) -> bool:
    """Whether a number stands where programs name their values."""
    return "value" in path or (path[0] == "instructions" and "inputs" in path)


def take_other_value(program: Any, random: random.Random) -> None:
    """An instruction that reads another value."""
    instructions = list_of(program, "instructions")
    inputs = len(list_of(program, "inputs"))
    if not instructions:
        return
    place = random.randrange(len(instructions))
    read = list_of(instructions[place], "inputs")
    if read and inputs + place > 0:
        read[random.randrange(len(read))] = random.randrange(inputs + place)


def take_other_op(program: Any, random: random.Random) -> None:
    """An op of as many inputs; attributes that it has and the old one had not are anything."""
    instructions = list_of(program, "instructions")
    changed = random.choice(instructions) if instructions else None
    had = changed.get("attributes") if isinstance(changed, dict) else None
    old = OPS.get(str(changed.get("op"))) if isinstance(had, dict) else None
    if old is not None:
        new = random.choice([op for op in OPS.values() if op.arity == old.arity])
        attributes = {name: had.get(name, random.choice(STRANGE)) for name in new.attributes}
        changed.update(op=new.name, attributes=attributes)


def answer_other_value(program: Any, random: random.Random) -> None:
    """An answer, state or gradient that is another value."""
    outputs = list_of(program, "outputs")
    values = len(list_of(program, "inputs")) + len(list_of(program, "instructions"))
    if outputs and values:
        chosen = random.choice(outputs)
        if isinstance(chosen, dict):
            chosen["value"] = random.randrange(values)


def put_something_strange(program: Any, random: random.Random) -> None:
    """A value of a type or size that nobody expects there."""
    paths = [path for path, _ in leaves(program)]
    if paths:
        put(program, random.choice(paths), random.choice(STRANGE))


def nudge_a_number(program: Any, random: random.Random) -> None:
    """One more or one less."""
    numbers = [(path, value) for path, value in leaves(program) if type(value) is int]
    if numbers:
        path, value = random.choice(numbers)
        put(program, path, value + random.choice([-1, 1]))


def leave_out_or_double(program: Any, random: random.Random) -> None:
    """One item of a list less, or twice."""
    lists = [each for each in lists_in(program) if each]
    if lists:
        chosen = random.choice(lists)
        place = random.randrange(len(chosen))
        if random.random() < 0.5:
            del chosen[place]
        else:
            chosen.insert(place, copy.deepcopy(chosen[place]))


CHANGES: list[Callable[[Any, random.Random], None]] = [
    resize_everywhere,
    take_other_value,
    take_other_op,
    answer_other_value,
    put_something_strange,
    nudge_a_number,
    leave_out_or_double,
]


def list_of(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, child in list(children(value)):
        if isinstance(child, dict | list):
            yield from leaves(child, (*path, key))
        else:
            yield (*path, key), child


def lists_in(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield value
    for _, child in children(value):
        yield from lists_in(child)


def put(value: Any, path: Path, new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new
