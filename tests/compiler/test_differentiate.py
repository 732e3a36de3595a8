"""Backpropagation through time with adjoint programs gives torch's gradients."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from recurra.cells.state import map_state, named_slots
from recurra.compiler import differentiate, trace
from recurra.program import OPS, Builder, evaluate
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import ROWS as LAYERS
from tests.contracts.rows import every_streaming_layer

ROWS, TIME = 3, 4


def numpy_of(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def backpropagated(traced, xs, start, y_gradients, end_gradients):
    """The gradients of x at every step, of the first state and of the weights."""
    step, adjoint = traced.program, differentiate(traced.program)
    weights = numpy_of(traced.weights)
    states = [start]
    for x in xs:
        found = evaluate(step, x={"x": x}, state=states[-1], weights=weights)
        states.append({name: found["state", name] for name in start})
    towards, totals, of_x = end_gradients, dict.fromkeys(weights, 0.0), []
    for t in reversed(range(len(xs))):
        given = {"y y": y_gradients[t]} | {f"state {k}": v for k, v in towards.items()}
        found = evaluate(adjoint, x={"x": xs[t]}, state=states[t], weights=weights, gradient=given)
        towards = {name: found["state", name] for name in start}
        of_x.insert(0, found.get(("x", "x")))
        for name in totals:
            totals[name] = totals[name] + found["weight", name].sum(0)
    return of_x, towards, totals


def torch_gradients(layer, x, start, y_gradients, end_gradients):
    y, end = layer(x, start)
    slots = named_slots(end)
    total = (y * y_gradients).sum()
    total = total + sum((slots[name] * g).sum() for name, g in end_gradients.items())
    total.backward()


def assert_gradients_through_time(layer, x, state):
    traced = trace(layer)
    start = map_state(lambda slot: slot.detach().requires_grad_(), state)
    if x.is_floating_point():
        x.requires_grad_()
    y_gradients = torch.randn_like(layer(x)[0])
    end_gradients = {name: torch.randn_like(slot) for name, slot in named_slots(start).items()}

    of_x, of_start, of_weights = backpropagated(
        traced,
        [each.numpy() for each in x.detach().unbind(1)],
        numpy_of(named_slots(start)),
        [each.numpy() for each in y_gradients.unbind(1)],
        numpy_of(end_gradients),
    )
    torch_gradients(layer, x, start, y_gradients, end_gradients)

    close = {"rtol": 1e-9, "atol": 1e-10}
    for name, slot in named_slots(start).items():
        wanted = torch.zeros_like(slot) if slot.grad is None else slot.grad
        np.testing.assert_allclose(of_start[name], wanted, **close)
    for name, weight in traced.weights.items():
        if weight.requires_grad:
            np.testing.assert_allclose(of_weights[name], weight.grad, **close)
    if x.requires_grad:
        wanted = torch.zeros_like(x) if x.grad is None else x.grad
        np.testing.assert_allclose(np.stack(of_x, 1), wanted, **close)


def assert_gradients_agree(row):
    layer = layer_of(row, dtype=torch.float64)
    state = state_of(row, layer, ROWS, dtype=torch.float64)
    assert_gradients_through_time(layer, x_of(row, ROWS, TIME, dtype=torch.float64), state)


@every_streaming_layer
def test_gradients_through_time_agree_with_autograd(row):
    assert_gradients_agree(row)


@pytest.mark.parametrize("op", ["mul", "tanh", "matvec", "slice"])
def test_that_check_notices_a_wrong_gradient(op, monkeypatch):
    right = OPS[op].vector_jacobian

    def doubled(b, inputs, output, grad, attributes):
        return right(b, inputs, output, b.op("add", grad, grad), attributes)

    wrong = {**OPS, op: replace(OPS[op], vector_jacobian=doubled)}
    monkeypatch.setattr(sys.modules[differentiate.__module__], "OPS", wrong)

    with pytest.raises(AssertionError):
        assert_gradients_agree(next(row for row in LAYERS if row.name == "LSTM"))


def test_a_value_used_twice_has_the_sum_of_both_gradients():
    b = Builder()
    x = b.input("x", "x", (2,))
    b.output("y", "y", b.op("mul", x, x))

    found = evaluate(
        differentiate(b.program()), x={"x": [[3.0, -1.0]]}, gradient={"y y": [[1.0, 10.0]]}
    )

    assert found["x", "x"].tolist() == [[6.0, -20.0]]


def test_what_nothing_depends_on_has_gradient_zero():
    b = Builder()
    x, _ = b.input("x", "x", (2,)), b.input("h", "state", (2,))
    b.output("y", "y", b.op("tanh", x))
    b.output("h", "state", x)

    found = evaluate(
        differentiate(b.program()),
        x={"x": [[1.0, 1.0]]},
        state={"h": [[0.0, 0.0]]},
        gradient={"y y": [[0.0, 0.0]], "state h": [[5.0, 6.0]]},
    )

    assert found["state", "h"].tolist() == [[0.0, 0.0]]
    assert found["x", "x"].tolist() == [[5.0, 6.0]]
