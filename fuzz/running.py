"""What must hold for any JSON value that is offered as a program."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import Any

import numpy as np

from fuzz.drawing import drawn
from fuzz.natively import run_natively
from recurra.errors import ProgramError
from recurra.program import Program, evaluate, from_json, to_json

MOST_VALUES = 300
MOST_ELEMENTS = 5_000  # of all values together, a row
ROWS = 2


def check(value: Any, seed: int) -> bool:
    """It is refused with a ProgramError, or it survives JSON and runs. True if it ran."""
    try:
        program = from_json(value)
    except ProgramError:
        return False
    assert from_json(json.loads(json.dumps(to_json(program)))) == program
    if not is_tiny(program):
        return False
    random = np.random.default_rng(seed)
    run(program, random)
    if is_a_step(program):
        run_natively(program, random)
    return True


def is_tiny(program: Program) -> bool:
    types = program.types()
    elements = sum(math.prod(each.shape) for each in types)
    return len(types) <= MOST_VALUES and elements <= MOST_ELEMENTS


def is_a_step(program: Program) -> bool:
    """Whether it goes from x and states to answers and states, so that it makes a sequence."""
    roles = {each.role for each in program.inputs}
    return (
        "x" in roles
        and "gradient" not in roles
        and not any(output.role in ("x", "weight") for output in program.outputs)
    )


def run(program: Program, random: np.random.Generator) -> None:
    given: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in program.inputs:
        leading = () if each.role == "weight" else (ROWS,)
        given[each.role][each.name] = drawn(each.type, leading, random)
    weights = given.pop("weight", None)
    evaluate(program, weights=weights, **given)
