"""Every layer of the contracts, traced, means what torch computes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import recurra as rc
from recurra.cells.state import named_slots
from recurra.compiler import trace
from recurra.errors import TraceError
from recurra.program import evaluate
from tests.compiler.agree import assert_step_agrees
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import every_streaming_layer


def numpy_of(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def assert_means_the_same(layer, state, x):
    program, weights, _ = trace(layer)
    with torch.no_grad():
        y, after = layer.step(state, x)

    found = evaluate(
        program, x={"x": x.numpy()}, state=numpy_of(named_slots(state)), weights=numpy_of(weights)
    )

    np.testing.assert_allclose(found["y", "y"], y, rtol=1e-12, atol=1e-13)
    for name, slot in named_slots(after).items():
        np.testing.assert_allclose(found["state", name], slot, rtol=1e-12, atol=1e-13)


@every_streaming_layer
def test_a_traced_layer_means_what_torch_computes(row):
    layer = layer_of(row, dtype=torch.float64)

    assert_means_the_same(
        layer,
        state_of(row, layer, 3, dtype=torch.float64),
        x_of(row, 3, 1, dtype=torch.float64)[:, 0],
    )


class Plain(rc.Cell):
    """A cell whose update is handed in."""

    def __init__(self, update):
        super().__init__()
        self.input_size = 3
        self.weight = nn.Parameter(torch.randn(4, 3, dtype=torch.float64))
        self.rotation = nn.Parameter(torch.randn(2, dtype=torch.complex128))
        self.register_buffer("flags", torch.tensor([True, False, True, False]))
        self.register_buffer("counts", torch.arange(4))
        self.plain = torch.randn(4, dtype=torch.float64)
        self.steps, self.seen = 0, []
        self.f = update

    def initial_state(self, batch):
        return self.zeros(batch, 4)

    def update(self, state, x):
        return self.f(self, state, x)

    def output(self, state, x):
        return state


WAYS = {
    "mv of each": lambda c, h, x: torch.stack([x @ row for row in c.weight], -1) + h,
    "log1p, expm1, logsigmoid": lambda c, h, x: torch.log1p(h.abs()) + torch.expm1(h)
    + F.logsigmoid(h),
    "matmul": lambda c, h, x: x @ c.weight.T + h,
    "outer and back": lambda c, h, x: (h[:, :, None] * x[:, None, :]).sum(-1),
    "where": lambda c, h, x: torch.where(x.sum(-1, keepdim=True) > 0, h, -h),
    "mask as a float": lambda c, h, x: h * (x[:, :1] >= 0).to(h.dtype) + 1,
    "clamp": lambda c, h, x: (h + x.sum(-1, keepdim=True)).clamp(-0.5, 0.5).clamp(min=h.cos()),
    "hardtanh, elu, leaky": lambda c, h, x: F.leaky_relu(F.elu(F.hardtanh(h * 2))),
    "activations": lambda c, h, x: F.selu(h) + F.celu(h) + F.softshrink(h) + F.hardshrink(h)
    + F.threshold(h, 0.1, 0.2) + F.relu6(h) + F.softsign(h) + F.tanhshrink(h)
    + F.glu(torch.cat([h, h.cos()], -1)) + F.softplus(h, 2.0) + F.prelu(h, c.weight[:, 0]),
    "softplus that ends early": lambda c, h, x: F.softplus(h, 2.0, 0.1) + F.softplus(h, 1, 0.0),
    "smooth activations": lambda c, h, x: F.mish(h) + F.silu(h) + F.gelu(h) + F.softmin(h, dim=-1),
    "norms": lambda c, h, x: h / h.norm(dim=-1, keepdim=True) + h.var(-1, keepdim=True)
    + h.norm(p=1, dim=-1, keepdim=True) + torch.var_mean(h, -1)[0][:, None] + h.std(-1)[:, None],
    "norm layers": lambda c, h, x: F.layer_norm(h, (4,)) + F.rms_norm(h, (4,), c.weight[:, 0])
    + F.group_norm(h, 2, c.weight[:, 0], c.weight[:, 1]) + F.normalize(h, dim=-1),
    "extremes": lambda c, h, x: h.amin(-1, keepdim=True) * h.prod(-1, keepdim=True)
    + h.max(-1).values[:, None] * h + h.min(-1, keepdim=True)[0],
    "log-sum-exp": lambda c, h, x: h - torch.logsumexp(h, -1, keepdim=True)
    + torch.logaddexp(h, h.cos()),
    "softmax of another axis": lambda c, h, x: h.view(-1, 2, 2).softmax(1).flatten(1),
    "chunk, cat, stack": lambda c, h, x: torch.stack(h.chunk(2, -1), 1).flatten(1) + 1,
    "stack before the rows": lambda c, h, x: torch.stack([h, h.cos()]).mean(0),
    "flip of halves": lambda c, h, x: torch.cat([h[:, 2:], h[:, :2]], -1),
    "roll by index": lambda c, h, x: torch.stack([h[:, k] for k in (1, 2, 3, 0)], -1),
    "roll, flip, pick": lambda c, h, x: h.roll(1, -1) + h.flip(-1) * h[:, [1, 0, 3, 2]],
    "every second": lambda c, h, x: torch.stack([h[:, ::2], h[:, 1::2]], -1).flatten(1) * h,
    "repeat, pad": lambda c, h, x: h[:, :2].repeat(1, 2) + F.pad(h[:, 1:], (0, 1), value=2.0)
    + h[:, :2].repeat_interleave(2, -1) + h[:, :1].expand(-1, 4),
    "gelu tanh": lambda c, h, x: F.gelu(h, approximate="tanh"),
    "powers": lambda c, h, x: h**2 + h.abs() ** 1.5 + 2**h + h**-1 + h.abs() ** 0.5 + h**3,
    "hyperbolic and others": lambda c, h, x: h.sinh() + h.cosh() + h.tan() + h.exp2()
    + h.abs().log2() + h.abs().log10(),
    "lerp": lambda c, h, x: torch.lerp(h, h.tanh(), torch.sigmoid(h)),
    "addcmul": lambda c, h, x: torch.addcmul(h, h, h, value=2) + torch.addcdiv(h, h, h.exp()),
    "new tensors": lambda c, h, x: h + torch.ones_like(h) * 2 + h.new_full((1, 4), 3.0),
    "weights alone": lambda c, h, x: h + (c.weight.sum(1) ** 2).tanh(),
    "in place": lambda c, h, x: h.clone().add_(1).mul_(2),
    "assignment": lambda c, h, x: assigned(h.clone(), x),
    "amax": lambda c, h, x: h - h.amax(-1, keepdim=True),
    "masks": lambda c, h, x: h.masked_fill(h > 1, 0.5) + torch.where((h > 0) | (h < -1), h, 1)
    + torch.where((h > 0) ^ (x[:, :1] != 0), h, 2),
    "a causal mask": lambda c, h, x: (h[:, :, None] * h[:, None]).tril().sum(-1) + h.cumsum(-1),
    "minus infinity": lambda c, h, x: h.masked_fill(c.flags, -torch.inf).softmax(-1),
    "transposed": lambda c, h, x: (h.T * c.weight[:, :1]).T,
    "tensors in the code": lambda c, h, x: h * torch.tensor([1.0, 2.0, 3.0, 4.0]) + torch.eye(4)[1]
    + torch.where(torch.arange(4) < 2, h, 1.0) + torch.linspace(0, 1, 4) * torch.tensor(2),
    "buffers": lambda c, h, x: torch.where(c.flags, h, 2 * h) * c.counts + c.flags,
    "a tensor in an attribute": lambda c, h, x: h * c.plain,
    "detached": lambda c, h, x: h.detach() * h + h,
    "without gradient": lambda c, h, x: without_gradient(h) * h + h,
    "straight-through": lambda c, h, x: (h > 0).to(h) + h - h.detach(),
}  # fmt: skip


def assigned(z, x):
    z[:, :2] = 1.5
    z[:, 3] = x[:, 0]
    return z


def without_gradient(h):
    with torch.no_grad():
        h = h.exp() + 1
        with torch.enable_grad():
            h = h * 2
    return h


@pytest.mark.parametrize("way", WAYS)
def test_plain_torch_of_any_style_is_read(way):
    torch.manual_seed(0)
    layer = rc.Recurrent(Plain(WAYS[way]))
    x = torch.randn(3, 3, dtype=torch.float64)

    assert_step_agrees(layer, torch.randn(3, 4, dtype=torch.float64), x)


def test_hard_activations_are_read():
    layer = rc.Recurrent(Plain(lambda c, h, x: F.hardsigmoid(h) + F.hardswish(h)))
    h, x = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)

    # Torch's own gradient of these has a sixth in float32.
    assert_step_agrees(layer, h, x, gradients=False)


@pytest.mark.parametrize(
    "module",
    [
        parametrizations.weight_norm(nn.Linear(4, 4)),
        parametrizations.weight_norm(nn.Linear(4, 4), dim=None),
        parametrizations.spectral_norm(nn.Linear(4, 4)).eval(),
        nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4), nn.RMSNorm(4)),
        nn.PReLU(),
    ],
)
def test_modules_inside_a_cell_are_read(module):
    cell = Plain(lambda c, h, x: c.inside(h))
    cell.inside = module
    layer = rc.Recurrent(cell.double()).eval()

    assert_step_agrees(layer, torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 3).double())


def test_what_a_cell_makes_in_its_code_is_a_weight_of_the_program():
    layer = rc.Recurrent(Plain(lambda c, h, x: h * torch.tensor([1.0, 2.0, 3.0, 4.0]) * c.plain))

    weights = trace(layer).weights

    assert weights["constant.0"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert weights["constant.1"] is layer.cell.plain


def test_a_weight_with_two_names_is_one_weight():
    cell = Plain(lambda c, h, x: c.one(h) + c.other(h))
    cell.one, cell.other = nn.Linear(4, 4), nn.Linear(4, 4)
    cell.other.weight = cell.one.weight
    layer = rc.Recurrent(cell.double())

    assert_step_agrees(layer, torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 3).double())
    assert list(trace(layer).weights) == ["cell.one.weight", "cell.one.bias", "cell.other.bias"]


def test_one_number_everywhere_is_no_weight():
    layer = rc.Recurrent(Plain(lambda c, h, x: h * torch.full((4,), 2.0) + torch.tensor(1)))

    assert trace(layer).weights == {}


REFUSED = {
    "aten.mean.dim works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h - h.mean(0)
    ),
    "aten.sum.dim_IntList works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h / h.sum(0, keepdim=True)
    ),
    "aten.slice.Tensor works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h + h[:1]
    ),
    "aten.select.int works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h + h[0]
    ),
    "aten.div.Tensor computes with the number of rows in the batch": lambda c, h, x: h / len(h),
    "aten.sort.default has no counterpart among the ops": lambda c, h, x: h.sort(-1).values,
    "decides by the numbers it is given": lambda c, h, x: h if x.sum() > 0 else -h,
    "Plain() decides by the numbers it is given": lambda c, h, x: h * float(h[0, 0]),
    "aten._local_scalar_dense.default takes a number out of a tensor. Keep it a tensor": (
        lambda c, h, x: h * c.weight[0, 0].item()
    ),
    "Tensor.numpy goes past torch's operations": lambda c, h, x: torch.from_numpy(h.numpy()),
    "Tensor.tolist goes past torch's operations": lambda c, h, x: torch.tensor(h.tolist()),
    "Tensor.data goes past torch's operations": lambda c, h, x: h.data + h,
    "torch.inference_mode in a step stops gradients. Use torch.no_grad": (
        torch.inference_mode()(lambda c, h, x: h * 2)
    ),
    "aten.view_as_complex.default computes with complex numbers. Write them as pairs of reals": (
        lambda c, h, x: torch.view_as_real(torch.view_as_complex(h.view(-1, 2, 2)) ** 2).flatten(1)
    ),
    "weight cell.rotation is complex. Write it as a pair of reals": (
        lambda c, h, x: h * torch.view_as_real(c.rotation).flatten()
    ),
    "aten.copy_.default writes into an input, a weight or a buffer": (
        lambda c, h, x: h * c.counts.add_(1)
    ),
    "Plain changes its attribute 'steps' in a step": lambda c, h, x: remembering(c, h),
    "Plain() makes a state state (batch, 2) out of state (batch, 4)": lambda c, h, x: h[:, :2],
    "AttributeError: 'Tensor' object has no attribute 'typo'": lambda c, h, x: h.typo,
    "autograd.Function": lambda c, h, x: Spike.apply(h),
}


class Spike(torch.autograd.Function):
    """A step up, with the gradient of a straight line."""

    @staticmethod
    def forward(ctx, x):
        return (x > 0).to(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def remembering(cell, h):
    cell.steps += 1
    cell.seen.append(h)
    return h


@pytest.mark.parametrize("message", REFUSED)
def test_what_no_program_can_say_is_refused_by_name(message):
    layer = rc.Recurrent(Plain(REFUSED[message]))

    with pytest.raises(TraceError) as error:
        trace(layer)

    assert message in str(error.value)


def test_a_refused_cell_is_as_it_was():
    cell = Plain(lambda c, h, x: remembering(c, h))

    with pytest.raises(TraceError):
        trace(rc.Recurrent(cell))

    assert (cell.steps, cell.seen) == (0, [])


def test_batch_norm_is_refused():
    class Normed(Plain):
        def __init__(self):
            super().__init__(lambda c, h, x: c.norm(h))
            self.norm = nn.BatchNorm1d(4, dtype=torch.float64)

    with pytest.raises(TraceError, match="batch_norm"):
        trace(rc.Recurrent(Normed()))


def test_that_check_notices_swapped_gates(monkeypatch):
    layer = rc.Recurrent(rc.cells.LSTM(3, 4)).double()
    state = rc.cells.LSTMState(*torch.randn(2, 3, 4, dtype=torch.float64))
    traced = trace(layer)
    swapped = {n: torch.cat([w[4:8], w[:4], w[8:]]) for n, w in traced.weights.items()}
    monkeypatch.setattr(f"{__name__}.trace", lambda layer: traced._replace(weights=swapped))

    with pytest.raises(AssertionError):
        assert_means_the_same(layer, state, torch.randn(3, 3, dtype=torch.float64))
