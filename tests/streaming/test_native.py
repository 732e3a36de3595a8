"""What is taken along so that a model runs without torch, and what is left to torch, with why."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from torch import nn

from recurra import Recurrent, Stack, cells
from recurra.engine import freezing
from recurra.streaming import load, save
from tests.contracts.homemade import Leaky
from tests.streaming.made import a_model


class Places(Leaky):
    """Leaky with tensors that its state_dict does not hold: an attribute, and two buffers."""

    def __init__(self, input_size, size):
        super().__init__(input_size, size)
        self.places = torch.arange(size) / size
        self.register_buffer("scale", torch.full((size,), 0.5), persistent=False)
        self.register_buffer("order", torch.arange(size))

    def output(self, state, x):
        return state * self.scale + self.places + self.order


def test_tensors_that_are_no_weights_come_along(tmp_path):
    layer = Recurrent(Places(3, 4))
    save(layer, tmp_path / "m")
    model, x = load(tmp_path / "m"), torch.randn(2, 5, 3)

    assert model.engine == "native"
    np.testing.assert_allclose(
        model.run(x.numpy())[0], layer.use_engine("torch")(x)[0].detach().numpy(), atol=1e-6
    )
    with safetensors.safe_open(tmp_path / "m", framework="np") as file:
        added = {name for name in file.keys() if name.startswith("step ")}  # noqa: SIM118
    assert added == {"step cell.scale", "step constant.0", "step cell.order"}


def test_an_h_0_that_is_not_zeros_comes_along_and_is_no_weight_of_the_layers(tmp_path):
    start = cells.LSTMState(h=torch.tensor([0.5, -0.0]), c=torch.zeros(2))
    save(Recurrent(cells.InitialState(cells.LSTM(3, 2), start)), tmp_path / "m")

    state = load(tmp_path / "m").stream().state

    assert state["h"].tolist() == [0.5, 0]
    assert np.signbit(state["h"]).tolist() == [False, True]
    assert state["c"].tolist() == [0, 0]
    with safetensors.safe_open(tmp_path / "m", framework="np") as file:
        assert "H_0 h" in file.keys()  # noqa: SIM118
    assert load(tmp_path / "m", torch=True).state_dict().keys() & {"H_0 h"} == set()


class Counts(Leaky):
    """Its state has a slot of whole numbers, which the native engine has not."""

    def initial_state(self, batch):
        return (super().initial_state(batch), torch.zeros(batch, 1, dtype=torch.long))

    def update(self, state, x):
        return (super().update(state[0], x), state[1] + 1)

    def output(self, state, x):
        return state[0]


class Sorts(Leaky):
    def output(self, state, x):
        return state.sort(-1).values


@pytest.mark.parametrize(("cell", "why"), [(Counts, "torch.int64"), (Sorts, "aten.sort")])
def test_what_cannot_run_natively_is_left_to_torch_and_says_why(cell, why, tmp_path):
    save(Recurrent(cell(3, 4)), tmp_path / "m")

    model = load(tmp_path / "m", cells=(cell,))

    assert model.engine == "torch"
    assert why in model.untraced
    assert model.stream().step([1, 2, 3]).shape == (4,)


def test_a_program_that_answers_otherwise_than_its_layers_is_noticed(tmp_path, monkeypatch):
    def traced_wrongly(layer):
        traced = freezing_trace(layer)
        names = {"cell.input.weight", "cell.recurrent.weight"}
        wrong = {name: -tensor if name in names else tensor for name, tensor in traced[1].items()}
        return traced._replace(weights=wrong)

    freezing_trace = freezing.trace
    monkeypatch.setattr(freezing, "trace", traced_wrongly)

    save(Recurrent(cells.Elman(3, 4)), tmp_path / "m")

    assert load(tmp_path / "m").untraced == "what was traced of it answers otherwise than torch."


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_left_to_torch(dtype, tmp_path):
    save(a_model().to(dtype), tmp_path / "m")

    assert load(tmp_path / "m").untraced == (
        f"its type is {str(dtype)[6:]}, and the native engine has float32, float64."
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_a_process_that_streams_stays_small(tmp_path):
    """torch alone takes some 200 MB."""
    save(Stack(Recurrent(cells.LSTM(1, 64)), nn.Linear(64, 1)), tmp_path / "m")
    code = (
        f"import recurra; recurra.load({str(tmp_path / 'm')!r}).stream().step([1.0]); "
        f"print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr == ""
    assert int(done.stdout) <= 60 * 1024
