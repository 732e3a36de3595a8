"""Programs before and after: the same inputs into both, and what is left to read."""

import numpy as np

from recurra.compiler import simplify
from recurra.program import evaluate, verify

ROWS = 3


def random_inputs(program, seed=0):
    """Arguments of `evaluate`, drawn by the types of the inputs."""
    draw = np.random.default_rng(seed)
    given = {"weights": {}}
    for name, role, (kind, shape) in program.inputs:
        full = shape if role == "weight" else (ROWS, *shape)
        values = {
            "float": lambda full=full: draw.normal(size=full),
            "bool": lambda full=full: draw.random(full) < 0.5,
            "index": lambda full=full: draw.integers(0, 5, full),
        }[kind]()
        given.setdefault("weights" if role == "weight" else role, {})[name] = values
    return given


def assert_same_interface(before, after):
    verify(after)
    assert after.inputs == before.inputs
    assert [each[:2] for each in after.outputs] == [each[:2] for each in before.outputs]


def assert_means_the_same(before, *, tolerance=1e-12):
    """The simplified program, once it is shown to agree with the program by the reference."""
    after = simplify(before)
    assert_same_interface(before, after)
    given = random_inputs(before)
    wanted, found = evaluate(before, **given), evaluate(after, **given)
    for key, values in wanted.items():
        np.testing.assert_allclose(found[key], values, rtol=tolerance, atol=tolerance, err_msg=key)
    return after


def expression(program, value):
    """A value as one nested expression: inputs by name, constants as numbers."""
    place = value - len(program.inputs)
    if place < 0:
        return program.inputs[value].name
    op, inputs, attributes = program.instructions[place]
    parts = [expression(program, k) for k in inputs]
    if op == "constant":
        return f"{attributes['value']:g}"
    if op == "slice":
        axes = [":"] * len(program.types()[value].shape)
        axes[attributes["axis"]] = f"{attributes['start']}:{attributes['stop']}"
        return f"{parts[0]}[{', '.join(axes)}]"
    parts += [f"{name}={setting}" for name, setting in attributes.items()]
    return f"{op}({', '.join(parts)})"


def answer(program):
    """The program's one answer as an expression."""
    (value,) = (output.value for output in program.outputs if output.role == "y")
    return expression(program, value)


def ops_of(program):
    return [instruction.op for instruction in program.instructions]


def zeros_in_concats(program):
    """How many pieces of concats are constants of 0."""
    first = len(program.inputs)
    made = dict(enumerate(program.instructions, first))
    return sum(
        made[part].op == "constant" and made[part].attributes["value"] == 0
        for each in program.instructions
        if each.op == "concat"
        for part in each.inputs
        if part >= first
    )
