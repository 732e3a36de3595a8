"""Every layer of the contracts, traced, means what torch computes."""

import numpy as np
import pytest
import torch
from torch import nn

import recurra as rc
from recurra.cells.state import named_slots
from recurra.compiler import trace
from recurra.errors import TraceError
from recurra.program import evaluate
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
    + nn.functional.logsigmoid(h),
    "matmul": lambda c, h, x: x @ c.weight.T + h,
    "outer and back": lambda c, h, x: (h[:, :, None] * x[:, None, :]).sum(-1),
    "bmm": lambda c, h, x: torch.bmm(h[:, :, None], x[:, None]).mean(2),
    "bmm with a vector": lambda c, h, x: (h[:, :, None] * x[:, None] @ x[:, :, None])[..., 0],
    "where": lambda c, h, x: torch.where(x.sum(-1, keepdim=True) > 0, h, -h),
    "mask as a float": lambda c, h, x: h * (x[:, :1] >= 0).to(h.dtype) + 1,
    "clamp": lambda c, h, x: (h + x.sum(-1, keepdim=True)).clamp(-0.5, 0.5),
    "hardtanh, elu, leaky": lambda c, h, x: nn.functional.leaky_relu(
        nn.functional.elu(nn.functional.hardtanh(h * 2))
    ),
    "norms": lambda c, h, x: h / h.norm(dim=-1, keepdim=True) + h.var(-1, keepdim=True),
    "log-sum-exp": lambda c, h, x: h - torch.logsumexp(h, -1, keepdim=True),
    "softmax of another axis": lambda c, h, x: h.view(-1, 2, 2).softmax(1).flatten(1),
    "chunk, cat, stack": lambda c, h, x: torch.stack(h.chunk(2, -1), 1).flatten(1) + 1,
    "flip of halves": lambda c, h, x: torch.cat([h[:, 2:], h[:, :2]], -1),
    "roll by index": lambda c, h, x: torch.stack([h[:, k] for k in (1, 2, 3, 0)], -1),
    "gelu tanh": lambda c, h, x: nn.functional.gelu(h, approximate="tanh"),
    "powers": lambda c, h, x: h**2 + h.abs() ** 1.5 + 2**h + h**-1,
    "lerp": lambda c, h, x: torch.lerp(h, h.tanh(), torch.sigmoid(h)),
    "new tensors": lambda c, h, x: h + torch.ones_like(h) * 2 + h.new_full((1, 4), 3.0),
    "weights alone": lambda c, h, x: h + (c.weight.sum(1) ** 2).tanh(),
    "in place": lambda c, h, x: h.clone().add_(1).mul_(2),
    "amax": lambda c, h, x: h - h.amax(-1, keepdim=True),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_plain_torch_of_any_style_is_read(way):
    layer = rc.Recurrent(Plain(WAYS[way]))
    x = torch.randn(3, 3, dtype=torch.float64)

    assert_means_the_same(layer, torch.randn(3, 4, dtype=torch.float64), x)


REFUSED = {
    "aten.mean.dim works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h - h.mean(0)
    ),
    "aten.sum.dim_IntList works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h / h.sum(0, keepdim=True)
    ),
    "aten.mm.default multiplies along the batch axis or rows with rows, so that rows would mix": (
        lambda c, h, x: h @ h.T @ h
    ),
    "aten.slice.Tensor works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h + h[:1]
    ),
    "aten.cumsum.default has no counterpart among the ops": (lambda c, h, x: h.cumsum(-1)),
    "aten.select.int works along the batch axis, so that rows would see each other": (
        lambda c, h, x: h + h[0]
    ),
    "decides by the numbers it is given": (lambda c, h, x: h if x.sum() > 0 else -h),
    "aten._unsafe_view.default makes the shape [batch, 4], in which rows would mix": (
        lambda c, h, x: h.T.reshape(-1, 4)
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_no_program_can_say_is_refused_by_name(message):
    with pytest.raises(TraceError) as error:
        trace(rc.Recurrent(Plain(REFUSED[message])))

    assert message in str(error.value)


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
