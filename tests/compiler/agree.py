"""A step of a layer and its gradient, traced and in torch."""

import numpy as np
import torch

from recurra.cells.state import map_state, named_slots
from recurra.compiler import differentiate, trace
from recurra.program import evaluate, verify


def numpy_of(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def assert_step_agrees(layer, state, x, *, gradients=True):
    """The answer, the new state and, if asked for, the gradient of everything that has one."""
    traced = trace(layer)
    state = map_state(lambda slot: slot.clone().requires_grad_(), state)
    x = x.clone().requires_grad_(x.is_floating_point())
    given = {
        "x": {"x": x.detach().numpy()},
        "state": numpy_of(named_slots(state)),
        "weights": numpy_of(traced.weights),
    }
    y, after = layer.step(state, x)

    found = evaluate(traced.program, **given)

    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(found["y", "y"], y.detach(), **close)
    for name, slot in named_slots(after).items():
        np.testing.assert_allclose(found["state", name], slot.detach(), **close)
    if gradients:
        _assert_gradients_agree(traced, given, state, x, y, named_slots(after))


def _assert_gradients_agree(traced, given, state, x, y, after):
    towards = {"y y": torch.randn_like(y)}
    towards |= {f"state {name}": torch.randn_like(slot) for name, slot in after.items()}
    outputs = [(each, towards[name]) for name, each in {"y y": y}.items()]
    outputs += [(slot, towards[f"state {name}"]) for name, slot in after.items()]
    inputs = {("x", "x"): x}
    inputs |= {("state", name): slot for name, slot in named_slots(state).items()}
    inputs |= {("weight", name): weight for name, weight in traced.weights.items()}
    inputs = {key: tensor for key, tensor in inputs.items() if tensor.requires_grad}
    total = sum((each * gradient).sum() for each, gradient in outputs)
    wanted = torch.autograd.grad(total, list(inputs.values()), materialize_grads=True)

    found = evaluate(differentiate(traced.program), **given, gradient=numpy_of(towards))

    for (role, name), gradient in zip(inputs, wanted, strict=True):
        ours = found[role, name].sum(0) if role == "weight" else found[role, name]
        np.testing.assert_allclose(
            ours, gradient, rtol=1e-9, atol=1e-10, err_msg=f"{role} {name}", equal_nan=True
        )


def assert_rewritten_means_the_same(program, rewritten):
    """Two programs give the same on random numbers, in the float64 reference."""
    verify(rewritten)
    generator, given = np.random.default_rng(0), {}
    for name, role, (_, shape) in program.inputs:
        size = shape if role == "weight" else (3, *shape)
        given.setdefault(role, {})[name] = generator.normal(size=size)
    weights = given.pop("weight", {})

    wanted = evaluate(program, weights=weights, **given)

    found = evaluate(rewritten, weights=weights, **given)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-13, atol=1e-13)
