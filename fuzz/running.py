"""What must hold for any JSON value that is offered as a program."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import Any

import numpy as np

from recurra.errors import ProgramError
from recurra.program import Input, Program, evaluate, from_json, to_json

MOST_VALUES = 300
MOST_ELEMENTS = 5_000  # of all values together, a row
ROWS = 2
SPECIAL = [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308]


def check(value: Any, seed: int) -> bool:
    """It is refused with a ProgramError, or it survives JSON and runs. True if it ran."""
    try:
        program = from_json(value)
    except ProgramError:
        return False
    assert from_json(json.loads(json.dumps(to_json(program)))) == program
    if not is_tiny(program):
        return False
    run(program, np.random.default_rng(seed))
    return True


def is_tiny(program: Program) -> bool:
    types = program.types()
    elements = sum(math.prod(each.shape) for each in types)
    return len(types) <= MOST_VALUES and elements <= MOST_ELEMENTS


def run(program: Program, random: np.random.Generator) -> None:
    given: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in program.inputs:
        leading = () if each.role == "weight" else (ROWS,)
        given[each.role][each.name] = drawn(each, leading, random)
    weights = given.pop("weight", None)
    evaluate(program, weights=weights, **given)


def drawn(given: Input, leading: tuple[int, ...], random: np.random.Generator) -> Any:
    """Values for an input: ordinary numbers, and among them some that are not."""
    kind, shape = given.type
    shape = (*leading, *shape)
    if kind == "bool":
        return random.random(shape) < 0.5
    if kind == "index":
        return random.choice([0, 1, 2, -1, 2**62], shape)
    odd = random.random(shape) < 0.05
    return np.where(odd, random.choice(SPECIAL, shape), random.standard_normal(shape))
