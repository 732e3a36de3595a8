"""Every op of the table against torch, in value and in gradient."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recurra.program import OPS, Builder, evaluate, verify


@dataclass(frozen=True)
class Case:
    op: str
    torch: Any  # the same in torch, of (rows, ...) tensors
    shapes: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    low: float = -3.0
    kinds: tuple[str, ...] = ()

    def kind(self, k):
        return self.kinds[k] if self.kinds else "float"


POINTWISE = {
    "neg": torch.neg, "exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "softplus": F.softplus, "silu": F.silu, "gelu": F.gelu, "erf": torch.erf, "relu": torch.relu,
    "abs": torch.abs, "sin": torch.sin, "cos": torch.cos, "sign": torch.sign,
}  # fmt: skip
POSITIVE = {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt}
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
    "max": torch.maximum, "min": torch.minimum,
}  # fmt: skip
COMPARED = {"less": torch.lt, "less_equal": torch.le, "equal": torch.eq}


def norm_scale(x, epsilon, *, centred):
    if centred:
        return (x.var(-1, correction=0) + epsilon) ** -0.5
    return (x.square().mean(-1) + epsilon) ** -0.5


def norm_slope(g, v, s, *, centred):
    n = g.shape[-1]
    along = torch.eye(n, dtype=g.dtype) - v[..., None] * v[..., None, :] / n
    along = along - centred / n
    return s[..., None] * (along @ g[..., None])[..., 0]


CASES = [
    *(Case(op, f, ((5,),)) for op, f in POINTWISE.items()),
    *(Case(op, f, ((2, 3),), low=0.1) for op, f in POSITIVE.items()),
    *(Case(op, f, ((5,), (5,))) for op, f in BINARY.items()),
    *(Case(op, f, ((5,), (5,))) for op, f in COMPARED.items()),
    Case("fma", lambda x, y, z: x * y + z, ((5,), (5,), (5,))),
    Case("fms", lambda x, y, z: x * y - z, ((5,), (5,), (5,))),
    Case("fnma", lambda x, y, z: z - x * y, ((5,), (5,), (5,))),
    Case("sigmoid_slope", lambda x, y: x * y * (1 - y), ((5,), (5,))),
    Case("tanh_slope", lambda x, y: x * (1 - y**2), ((5,), (5,))),
    Case("addmatvec", lambda a, m, v: a + (m @ v[..., None])[..., 0], ((3,), (3, 4), (4,)),
         {"transposed": False}),
    Case("pow", torch.pow, ((5,), (5,)), low=0.1),
    Case("detach", torch.detach, ((5,),)),
    Case("not", torch.logical_not, ((5,),), kinds=("bool",)),
    Case("and", torch.logical_and, ((5,), (5,)), kinds=("bool", "bool")),
    Case("where", torch.where, ((5,), (5,), (5,)), kinds=("bool", "float", "float")),
    Case("matvec", lambda m, v: (m @ v[..., None])[..., 0], ((3, 4), (4,)), {"transposed": False}),
    Case("matvec", lambda m, v: (v[:, None] @ m)[:, 0], ((3, 4), (3,)), {"transposed": True}),
    Case("matvec", lambda m, v: (m @ v[..., None])[..., 0], ((2, 3, 4), (2, 4)),
         {"transposed": False}),
    Case("matvec", lambda m, v: (v[..., None, :] @ m)[..., 0, :], ((5, 2, 3, 4), (5, 2, 3)),
         {"transposed": True}),
    Case("outer", lambda a, b: a[:, :, None] * b[:, None], ((3,), (4,))),
    Case("outer", lambda a, b: a[..., None] * b[..., None, :], ((2, 3), (2, 4))),
    Case("sum", lambda x: x.sum(-1), ((3, 4),)),
    Case("mean", lambda x: x.mean(-1), ((3, 4),)),
    Case("largest", lambda x: x.amax(-1), ((3, 4),)),
    *(
        Case("norm_scale", partial(norm_scale, centred=centred), ((3, 4), (3,)),
             {"centred": centred}, low=0.1)
        for centred in (True, False)
    ),
    Case("standardize", lambda x, s: (x - x.mean(-1, keepdim=True)) * s[..., None],
         ((3, 4), (3,))),
    *(
        Case("norm_slope", partial(norm_slope, centred=centred), ((3, 4), (3, 4), (3,)),
             {"centred": centred})
        for centred in (True, False)
    ),
    Case("reshape", lambda x: x.reshape(-1, 2, 6), ((3, 4),), {"shape": (2, 6)}),
    Case("expand", lambda x: x.expand(-1, 2, 3, 4), ((2, 1, 4),), {"shape": (2, 3, 4)}),
    Case("expand", lambda x: x.expand(-1, 3, 2), ((1, 1),), {"shape": (3, 2)}),
    Case("transpose", lambda x: x.permute(0, 3, 1, 2), ((2, 3, 4),), {"order": (2, 0, 1)}),
    Case("slice", lambda x: x[:, :, 1:3], ((2, 4),), {"axis": 1, "start": 1, "stop": 3}),
    Case("slice", lambda x: x[:, :0], ((2, 4),), {"axis": 0, "start": 0, "stop": 0}),
    Case("concat", lambda *x: torch.cat(x, 2), ((2, 1), (2, 3), (2, 2)), {"axis": 1}),
    Case("constant", lambda: torch.full((7, 2), 0.5), (), {"value": 0.5, "shape": (2,)}),
    Case("one_hot", lambda i: F.one_hot(i, 4).double(), ((3,),), {"size": 4}, kinds=("index",)),
]  # fmt: skip

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)


def drawn(case, seed=0):
    generator = np.random.default_rng(seed)
    arrays = []
    for k, shape in enumerate(case.shapes):
        size = (7, *shape)
        if case.kind(k) == "bool":
            arrays.append(generator.integers(0, 2, size).astype(bool))
        elif case.kind(k) == "index":
            arrays.append(generator.integers(0, 4, size))
        else:
            arrays.append(generator.uniform(case.low, 3.0, size))
    return arrays


def gradient_shape(case, arrays):
    return tuple(case.torch(*map(torch.from_numpy, arrays)).shape[1:])


def values_of(case, arrays, g):
    """The op's result and the gradient of each input, from one program."""
    b = Builder()
    inputs = [b.input(f"x{k}", "x", a.shape[1:], case.kind(k)) for k, a in enumerate(arrays)]
    grad = b.input("g", "gradient", gradient_shape(case, arrays))
    y = b.op(case.op, *inputs, **case.attributes)
    found = OPS[case.op].vector_jacobian(b, inputs, y, grad, case.attributes)
    gradients = {k: value for k, value in enumerate(found) if value is not None}
    if b.types[y].kind == "bool":
        y = b.op("where", y, b.constant(1, b.types[y].shape), b.constant(0, b.types[y].shape))
    b.output("y", "y", y)
    for k, value in gradients.items():
        b.output(f"x{k}", "x", value)
    program = b.program()
    verify(program)
    given = {f"x{k}": array for k, array in enumerate(arrays)}
    values = evaluate(program, x=given, gradient={"g": g})
    return values["y", "y"], {k: values["x", f"x{k}"] for k in gradients}


def torch_values(case, arrays, g):
    tensors = [torch.from_numpy(a) for a in arrays]
    floats = [t.requires_grad_() for t in tensors if t.is_floating_point()]
    y = case.torch(*tensors)
    if not floats or not y.requires_grad:
        return y.detach().double().numpy(), {}
    gradients = torch.autograd.grad(y, floats, torch.from_numpy(g), allow_unused=True)
    places = [k for k, t in enumerate(tensors) if t.is_floating_point()]
    return y.detach().numpy(), dict(zip(places, gradients, strict=True))


def assert_agrees(case, arrays):
    g = np.random.default_rng(9).normal(size=(7, *gradient_shape(case, arrays)))
    y, gradients = values_of(case, arrays, g)
    wanted, wanted_gradients = torch_values(case, arrays, g)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-12)
    assert gradients.keys() >= {k for k, v in wanted_gradients.items() if v is not None}
    for k, gradient in wanted_gradients.items():
        if gradient is not None:
            np.testing.assert_allclose(gradients[k], gradient.numpy(), rtol=1e-11, atol=1e-12)


def test_every_op_has_a_case():
    assert {case.op for case in CASES} == set(OPS)


@every_case
def test_value_and_gradient_agree_with_torch(case):
    assert_agrees(case, drawn(case))


@pytest.mark.parametrize("op", ["max", "min", "abs", "relu", "sign", "largest", "pow", "sqrt"])
def test_corners_agree_with_torch(op):
    case = next(case for case in CASES if case.op == op)
    arrays = [np.zeros((7, *shape)) for shape in case.shapes]
    if op == "pow":
        arrays[1] += np.arange(1.0, 6.0)
    if op == "sqrt":
        arrays[0] += 1e-300

    assert_agrees(case, arrays)


@pytest.mark.parametrize("op", ["sigmoid", "softplus", "tanh", "silu", "gelu"])
def test_far_inputs_overflow_nowhere(op):
    case = next(case for case in CASES if case.op == op)

    assert_agrees(case, [np.tile([-1e4, -800.0, -40.0, 40.0, 800.0], (7, 1))])


@pytest.mark.parametrize("op", ["less", "less_equal", "equal"])
def test_comparisons_with_nan_are_false(op):
    case = next(case for case in CASES if case.op == op)
    nan = np.full((7, 5), np.nan)

    assert values_of(case, [nan, nan], np.zeros((7, 5)))[0].sum() == 0


def test_that_check_notices_a_wrong_gradient(monkeypatch):
    case = next(case for case in CASES if case.op == "sub")
    right = OPS["sub"].vector_jacobian
    swapped = replace(OPS["sub"], vector_jacobian=lambda *a: list(reversed(right(*a))))
    monkeypatch.setattr(f"{__name__}.OPS", {**OPS, "sub": swapped})

    with pytest.raises(AssertionError):
        assert_agrees(case, drawn(case))
