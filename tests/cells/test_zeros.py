"""Large states at H_0 wake no thread of torch's, and are zeros under every way to run torch."""

import pytest
import torch
from torch._subclasses import FakeTensorMode

import recurra as rc
from recurra.cells.zeros import new_zeros

LARGE = (256, 256)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_zeros_have_the_type_of_what_they_are_like(dtype, shape):
    found = new_zeros(torch.nn.Parameter(torch.ones(1, dtype=dtype)), shape)

    assert torch.equal(found, torch.zeros(shape, dtype=dtype))
    assert found.dtype == dtype
    assert not found.requires_grad


def test_zeros_follow_a_device_and_a_mode():
    assert new_zeros(torch.ones(1, device="meta"), LARGE).is_meta
    with FakeTensorMode() as mode:
        assert new_zeros(mode.from_tensor(torch.ones(1)), LARGE).fake_mode is mode
    mapped = torch.func.vmap(lambda x: x + new_zeros(x, LARGE).sum())(torch.ones(3))
    assert torch.equal(mapped, torch.ones(3))


def test_a_large_state_can_be_written_to_and_trained():
    layer = rc.Recurrent(rc.cells.GRU(3, 256))
    start = layer.initial_state(256)
    start = type(start)(*[slot.requires_grad_() for slot in start])
    y, _ = layer(torch.zeros(256, 1, 3), start)
    y.sum().backward()

    assert all(slot.grad is not None for slot in start)


@pytest.mark.parametrize(("size", "filled"), [(256, False), (3, True)])
@pytest.mark.parametrize("kind", [rc.nn.LSTM, lambda i, h: rc.Recurrent(rc.cells.LSTM(i, h))])
def test_torch_fills_no_large_state(kind, size, filled):
    layer, x = kind(3, size), torch.zeros(256, 256, 3)
    with torch.no_grad():
        layer(x)
        with torch.profiler.profile() as seen:
            layer(x)

    assert any(event.key == "aten::zero_" for event in seen.key_averages()) == filled
