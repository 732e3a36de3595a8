"""A model that went through a file is the same model, and the file is one that others can read."""

import json
import pickletools

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch
from torch import nn

from fuzz.sealing import parts_of
from recurra import Bidirectional, Recurrent, Stack, cells
from recurra.cells.state import named_slots
from recurra.compiler import trace
from recurra.program import from_json
from recurra.streaming import load, save
from tests.contracts.drawn import layer_of, state_of, x_of
from tests.contracts.rows import every_layer
from tests.streaming.made import a_model, loaded

STATELESS = [
    nn.AlphaDropout(0.3),
    nn.CELU(1.5),
    nn.Dropout(0.3),
    nn.ELU(0.7),
    nn.GELU("tanh"),
    nn.GLU(),
    nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.Hardtanh(-0.1, 0.2),
    nn.Identity(),
    nn.LayerNorm(4, eps=0.1),
    nn.LayerNorm(4, bias=False),
    nn.LayerNorm(4, elementwise_affine=False),
    nn.LeakyReLU(0.3),
    nn.Linear(4, 2),
    nn.Linear(4, 2, bias=False),
    nn.LogSigmoid(),
    nn.LogSoftmax(dim=-1),
    nn.Mish(),
    nn.RMSNorm(4, eps=0.1),
    nn.ReLU(),
    nn.ReLU6(),
    nn.SELU(),
    nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh())),
    nn.SiLU(),
    nn.Sigmoid(),
    nn.Softmax(dim=-1),
    nn.Softplus(2.0, 0.1),
    nn.Softsign(),
    nn.Tanh(),
]


def arrays(state):
    return {name: slot.detach().numpy() for name, slot in named_slots(state).items()}


# --- the same model -------------------------------------------------------------------------------


@every_layer
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_and_states_are_the_same_bits_after_a_file(row, dtype, tmp_path):
    layer, x = layer_of(row, dtype=dtype), x_of(row, 2, 5, dtype=dtype)
    state = state_of(row, layer, 2, dtype=dtype)
    lengths = torch.tensor([5, 3])
    reset = torch.tensor([[False, True, False, False, False]] * 2)
    y, final = layer(x, state, lengths=lengths, reset=reset)

    model = loaded(layer, tmp_path)
    got, after = model.run(x.numpy(), arrays(state), lengths.numpy(), reset.numpy())

    assert model.engine == ("native" if row.streams else "torch")
    np.testing.assert_array_equal(got, y.detach().numpy(), strict=True)
    assert list(after) == list(arrays(final))
    for name, slot in arrays(final).items():
        np.testing.assert_array_equal(after[name], slot, strict=True)


@pytest.mark.parametrize("module", STATELESS, ids=repr)
def test_every_stateless_module_of_torch_comes_back(module, tmp_path):
    for weight in module.parameters():
        nn.init.normal_(weight)
    layer = Stack(Recurrent(cells.Elman(3, 4)), module).eval()
    x = 3 * torch.randn(2, 5, 3)

    model = loaded(layer, tmp_path)

    assert model.engine == "native"
    np.testing.assert_array_equal(model.run(x.numpy())[0], layer(x)[0].detach().numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_element_type_is_kept(dtype, tmp_path):
    model = a_model().to(dtype)
    layers = loaded(model, tmp_path, torch=True)

    for (name, got), wanted in zip(
        layers.state_dict().items(), model.state_dict().values(), strict=True
    ):
        assert got.dtype == dtype, name
        assert torch.equal(got, wanted)


def test_a_model_without_weights_keeps_its_element_type(tmp_path):
    layer = Recurrent(cells.Mean(1)).double()

    y, _ = loaded(layer, tmp_path).run(np.array([[0.1], [0.2]]))

    assert y.dtype == np.float64
    np.testing.assert_allclose(y.ravel(), [0.1, 0.15], rtol=1e-15)


def test_bfloat16_models_answer_in_float32_with_the_same_values(tmp_path):
    model = a_model().bfloat16()
    x = torch.randn(1, 4, 3)

    got, state = loaded(model, tmp_path).run(x.numpy())

    y, final = model(x.bfloat16())
    np.testing.assert_array_equal(got, y.detach().float().numpy(), strict=True)
    np.testing.assert_array_equal(state["0.c"], final[0].c.detach().float().numpy(), strict=True)


def test_the_torch_layers_come_back_for_more_training(tmp_path):
    layers = loaded(Stack(Recurrent(cells.LSTM(3, 4)), nn.Dropout(0.5)), tmp_path, torch=True)

    assert isinstance(layers, Stack)
    assert all(module.training for module in layers.modules())
    layers(torch.randn(2, 5, 3))[0].sum().backward()
    assert all(weight.grad is not None for weight in layers.parameters())


def test_saving_leaves_the_model_and_the_random_numbers_alone(tmp_path):
    model = a_model().train()
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)

    loaded(model, tmp_path)

    assert torch.equal(torch.rand(3), wanted)
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())


def test_notes_come_back_as_json(tmp_path):
    notes = {"classes": ("a", "é"), "scale": np.float32(0.5), "n": np.int64(3), "none": None}

    got = loaded(a_model(), tmp_path, notes=notes).notes

    assert got == {"classes": ["a", "é"], "scale": 0.5, "n": 3, "none": None}
    assert loaded(a_model(), tmp_path).notes == {}


# --- a file that others can read ------------------------------------------------------------------


def test_plain_safetensors_finds_exactly_the_weights(tmp_path):
    model = a_model()
    save(model, tmp_path / "m")

    with safetensors.safe_open(tmp_path / "m", framework="np") as file:
        got = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    wanted = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(got[name], array, strict=True)


def test_the_header_says_in_json_what_the_model_is(tmp_path):
    save(a_model(), tmp_path / "m", notes={"unit": "°C"})

    with safetensors.safe_open(tmp_path / "m", framework="np") as file:
        header = json.loads(file.metadata()["recurra"])

    cell = {"input_size": 3, "hidden_size": 4, "forget_bias": 2.0}
    lstm = {"kind": "recurra.LSTM", "config": cell, "modules": {}}
    linear = {"in_features": 4, "out_features": 2, "bias": True}
    assert header.pop("fingerprint")
    step = header.pop("step")
    assert step.keys() == {
        "program", "signature", "equations", "parameters", "constants", "start",
    }  # fmt: skip
    assert from_json(step["program"]) == trace(a_model()).program
    assert header == {
        "format": "recurra.model",
        "version": 2,
        "dtype": "float32",
        "notes": {"unit": "°C"},
        "untraced": "",
        "model": {
            "kind": "recurra.Stack",
            "config": {},
            "modules": {
                "parts": [
                    {"kind": "recurra.Recurrent", "config": {}, "modules": {"cell": lstm}},
                    {"kind": "torch.nn.Linear", "config": linear, "modules": {}},
                ]
            },
        },
    }


def test_a_file_is_no_pickle(tmp_path):
    save(a_model(), tmp_path / "m")

    with pytest.raises(ValueError, match=r"opcode|pickle"):
        list(pickletools.genops((tmp_path / "m").read_bytes()))


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save(a_model(), tmp_path / name, notes={"a": 1})

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# --- fingerprints ---------------------------------------------------------------------------------


def test_the_fingerprint_outlives_files_and_does_not_hear_of_notes(tmp_path):
    once = loaded(a_model(), tmp_path, notes={"a": 1})
    layers = load(tmp_path / "model.recurra", torch=True)
    twice = loaded(layers, tmp_path, notes={"b": 2})

    assert once.fingerprint == twice.fingerprint
    assert len(once.fingerprint) == 64


def test_every_change_to_a_model_changes_its_fingerprint(tmp_path):
    changed = {
        "as it was": a_model(),
        "float64": a_model().double(),
        "other weights": a_model(seed=1),
        "same weights, other cell": a_model(),
        "one weight": a_model(),
        "two rows swapped": a_model(),
    }
    changed["same weights, other cell"].parts[0].cell.forget_bias = None
    with torch.no_grad():
        changed["one weight"].parts[1].bias[0] += 1e-6
        changed["two rows swapped"].parts[1].weight.copy_(
            changed["as it was"].parts[1].weight.flip(0)
        )

    prints = {what: loaded(model, tmp_path).fingerprint for what, model in changed.items()}

    assert len(set(prints.values())) == len(prints)


def test_a_bidirectional_model_runs_whole_from_its_file(tmp_path):
    model = loaded(Bidirectional(cells.GRU(3, 4)), tmp_path)

    assert (model.input_size, model.output_size) == (3, 8)
    assert list(model.slots) == ["forward.h", "backward.h"]


def test_the_reading_that_forgeries_start_from_is_true(tmp_path):
    save(a_model(), tmp_path / "m")
    header, ours, rest = parts_of((tmp_path / "m").read_bytes())

    assert ours["format"] == "recurra.model"
    assert len(rest) == sum(4 * weight.numel() for weight in a_model().parameters())
    assert header.keys() - {"__metadata__"} == a_model().state_dict().keys()
