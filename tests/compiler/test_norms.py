"""Norms are found in programs, and change nothing but how fast they are."""

import numpy as np
import pytest
from torch import nn

from recurra import Recurrent, Stack
from recurra.compiler import differentiate, trace
from recurra.compiler.adjoint import backward_program, training
from recurra.compiler.fuse import fuse
from recurra.compiler.norms import find_norms
from recurra.compiler.plan import lay_out
from recurra.compiler.prepare import prepare
from recurra.compiler.simplify import simplify
from recurra.engine import _native
from recurra.program import Builder, evaluate
from tests.compiler.papers import LayerNormLSTM
from tests.engine.direct import compiled_of, drawn, run

NORMS = {
    "layer": nn.LayerNorm(6),
    "layer without weights": nn.LayerNorm(6, elementwise_affine=False),
    "rms": nn.RMSNorm(6),
    "group": nn.GroupNorm(2, 6),
}
FOUND = {
    "layer": ["norm_scale", "standardize"],
    "layer without weights": ["norm_scale", "standardize"],
    "rms": ["norm_scale"],
    "group": ["norm_scale", "standardize"],
}

every_norm = pytest.mark.parametrize("name", NORMS)


def plain(name):
    return fuse(simplify(trace(Stack(nn.Linear(3, 6), NORMS[name])).program))


def ops(program):
    return [instruction.op for instruction in program.instructions]


@every_norm
def test_a_norm_is_found(name):
    found = ops(find_norms(plain(name)))

    assert [op for op in found if op in ("norm_scale", "standardize")] == FOUND[name]
    assert "mean" not in found


@every_norm
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_has_the_bits_of_the_plain_ops(name, dtype, monkeypatch):
    program = trace(Stack(nn.Linear(3, 6), NORMS[name])).program
    found = compiled_of(program, dtype)
    monkeypatch.setattr("recurra.compiler.prepare.find_norms", lambda program: program)
    unfound = compiled_of(program, dtype)
    given = drawn(found, 3, 5)
    assert "mean" in ops(unfound.step)

    assert run(found, given).bits() == run(unfound, given).bits()


@every_norm
def test_its_gradient_is_that_of_the_plain_ops(name):
    program = plain(name)
    draw = np.random.default_rng(0)
    x, g = draw.normal(size=(4, 3)), draw.normal(size=(4, 6))
    weights = {
        each.name: draw.normal(size=each.type.shape)
        for each in program.inputs
        if each.role == "weight"
    }

    wanted, found = (
        evaluate(differentiate(p), x={"x": x}, gradient={"y y": g}, weights=weights)
        for p in (program, find_norms(program))
    )

    assert "norm_slope" in ops(differentiate(find_norms(program)))
    for key, gradient in wanted.items():
        np.testing.assert_allclose(found[key], gradient, rtol=1e-10, atol=1e-12)


def normed(centre, squared, constant=True):
    """A program of (x - centre(x)) / sqrt(mean(squared(x - centre(x))) + epsilon)."""
    b = Builder()
    x, w = b.input("x", "x", (4,)), b.input("w", "weight", (1,))

    def spread(value):
        return b.op("expand", b.op("reshape", value, shape=(1,)), shape=(4,))

    away = b.op("sub", x, spread(b.op(centre, x)))
    mean = b.op("reshape", b.op("mean", squared(b, x, away)), shape=(1,))
    epsilon = b.constant(0.25, (1,)) if constant else w
    scale = b.op("rsqrt", b.op("add", mean, epsilon))
    b.output("y", "y", b.op("mul", away, b.op("expand", scale, shape=(4,))))
    return b.program()


def square(b, x, away):
    return b.op("mul", away, away)


@pytest.mark.parametrize(
    "other",
    [
        normed("mean", lambda b, x, away: b.op("mul", x, x)),
        normed("mean", lambda b, x, away: b.op("mul", x, away)),
        normed("mean", square, constant=False),
    ],
)
def test_what_only_looks_like_a_norm_has_its_own_gradient(other):
    draw = np.random.default_rng(1)
    given = {"x": {"x": draw.normal(size=(3, 4))}, "weights": {"w": [0.25]}}
    given["gradient"] = {"y y": draw.normal(size=(3, 4))}
    assert "norm_slope" in ops(differentiate(find_norms(normed("mean", square))))

    found = differentiate(find_norms(other))

    assert "norm_slope" not in ops(found)
    wanted = evaluate(differentiate(other), **given)
    for key, gradient in evaluate(found, **given).items():
        np.testing.assert_allclose(gradient, wanted[key], rtol=1e-10, atol=1e-12)


def test_training_keeps_a_norm_s_value_and_scale_and_not_what_they_came_from():
    step = prepare(trace(Recurrent(LayerNormLSTM())).program)
    _, kept = training(step)
    backward = backward_program(step, kept, frozenset()).program

    assert "norm_slope" in ops(backward)
    assert not {"mean", "sum", "norm_scale", "standardize"} & {*ops(backward)}
    layout = lay_out(backward, _native.op_numbers(), "float32")
    ((_, loop),) = [part for part in layout.parts if part[0] == "loop"]
    assert any(words.startswith("norm_slope") for words in loop)
