"""A file that is not a whole and honest model is refused in one line, before anything is made."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fuzz.sealing import forged, parts_of, recomputed
from recurra import Recurrent, Stack, cells
from recurra.errors import ModelFileError
from recurra.streaming import load, save
from recurra.streaming.statefile import pack_states
from tests.streaming.forging import JSON, at, places, refusal, with_lie
from tests.streaming.made import a_model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.recurra"
    save(a_model(sizes=(2, 2, 2)), path, notes={"a": 1})
    return path.read_bytes()


# --- damage ---------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(good, tmp_path):
    for length in range(len(good)):
        refusal(good[:length], tmp_path / "m")


def test_a_file_with_any_byte_changed_is_refused(good, tmp_path):
    for k in range(len(good)):
        damaged = bytearray(good)
        damaged[k] ^= (0x01, 0x20, 0xFF)[k % 3]  # 0x20 turns letters into capitals
        refusal(bytes(damaged), tmp_path / "m")


@given(st.binary(max_size=300))
def test_noise_is_refused(tmp_path_factory, noise):
    refusal(noise, tmp_path_factory.getbasetemp() / "noise")


def test_bytes_after_the_end_are_refused(good, tmp_path):
    refusal(good + b"\0", tmp_path / "m")


def test_the_forging_itself_makes_a_file_that_loads(good, tmp_path):
    (tmp_path / "m").write_bytes(forged(*parts_of(good)))

    assert load(tmp_path / "m").notes == {"a": 1}


# --- other files ----------------------------------------------------------------------------------


def test_a_file_of_torch_is_refused_unopened(tmp_path):
    torch.save(a_model().state_dict(), tmp_path / "m")

    assert "is a zip archive, as torch.save writes" in refusal(
        (tmp_path / "m").read_bytes(), tmp_path / "m"
    )


def test_a_pickle_is_not_run(tmp_path):
    class Planted:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "planted"),)

    refusal(pickle.dumps(Planted()), tmp_path / "m")

    assert not (tmp_path / "planted").exists()


def test_somebody_elses_safetensors_file_is_refused(tmp_path):
    data = safetensors.numpy.save({"weight": np.zeros(3, np.float32)}, {"format": "pt"})

    assert "recurra did not write it" in refusal(data, tmp_path / "m")


def test_states_are_no_model(good, tmp_path):
    (tmp_path / "good").write_bytes(good)
    model = load(tmp_path / "good")
    states = pack_states(model, {"": model.stream().state})

    assert "holds 'recurra.states', expected a model" in refusal(states, tmp_path / "m")
    refusal(model.stream().snapshot(), tmp_path / "m")


def test_a_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        load(tmp_path / "nothing-here")


# --- lies with a checksum that is right -----------------------------------------------------------


LSTM = ("model", "modules", "parts", 0, "modules", "cell")
LINEAR = ("model", "modules", "parts", 1)

LIES = {
    "newer": ((), "version", 3, "is of version 3, and this recurra reads up to 2. Update it"),
    "version 0": ((), "version", 0, "has version '0'"),
    "version true": ((), "version", True, "has version 'True'"),
    "format": ((), "format", "other", "holds 'other'"),
    "dtype": ((), "dtype", "float64", "fingerprints differ"),
    "no dtype": ((), "dtype", None, "lacks the element type"),
    "notes": ((), "notes", 3, "lacks the element type or the notes"),
    "fingerprint": ((), "fingerprint", "0" * 64, "fingerprints differ"),
    "no model": ((), "model", None, "not a description of a module"),
    "model list": ((), "model", [], "not a description of a module"),
    "kind": (LSTM, "kind", 5, "'model.parts.cell' in its header is not a description"),
    "config": (LSTM, "config", [], "is not a description of a module"),
    "control": (LSTM, "kind", "a\nb\x1b[2J", "is not a description of a module"),
    "control within": (LSTM, "config", {"\x1b[2J": 1}, "is not a description of a module"),
    "step": ((), "step", [], "a step that is no JSON object"),
    "untraced": ((), "untraced", "\x1b[2J", "does not say why"),
    "surplus entry": (LSTM, "code", "print()", "is not a description of a module"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_is_wrong_is_refused(lie, good, tmp_path):
    path, name, value, words = LIES[lie]

    assert words in refusal(with_lie(good, path, name, value), tmp_path / "m")


# A description is an attacker's to write, fingerprint included; it is held against the tensors.
CLAIMS = {
    "unknown kind": (LSTM, "kind", "os.system", "holds a 'os.system', which this recurra does not"),
    "own kind": (LSTM, "kind", "own.Evil", "hand it in: load(path, cells=(Evil,))"),
    "own path": (LSTM, "kind", "own.os; import sys", "which this recurra does not know"),
    "a dunder": (LSTM, "kind", "recurra.__init__", "which this recurra does not know"),
    "abstract": (LSTM, "kind", "recurra.Cell", "recurra.Cell cannot be made"),
    "no layer": (("model",), "kind", "recurra.LSTM", "recurra.LSTM cannot be made"),
    "unknown argument": ((*LINEAR, "config"), "nonsense", 1, "torch.nn.Linear cannot be made"),
    "device": ((*LINEAR, "config"), "device", "meta", "it has no argument 'device'"),
    "wrong type": ((*LSTM, "config"), "hidden_size", "2", "recurra.LSTM cannot be made"),
    "fraction": ((*LSTM, "config"), "hidden_size", 2.5, "recurra.LSTM cannot be made"),
    "negative": ((*LSTM, "config"), "hidden_size", -1, "recurra.LSTM cannot be made"),
    "object": ((*LSTM, "config"), "hidden_size", {}, "recurra.LSTM cannot be made"),
    "huge": ((*LSTM, "config"), "hidden_size", 10**6, "but its description means F32"),
    "petabytes": ((*LINEAR, "config"), "in_features", 10**15, "but its description means F32"),
    "past 64 bits": ((*LINEAR, "config"), "in_features", 10**30, "Linear cannot be made"),
    "past 64 bits together": ((*LSTM, "config"), "hidden_size", 10**12, "cannot be made"),
    "other shape": ((*LSTM, "config"), "hidden_size", 3, "but its description means F32"),
    "surplus tensor": ((*LINEAR, "config"), "bias", False, "has a tensor that its description"),
    "lacking tensor": (LSTM, "kind", "recurra.GRU", "cannot be made"),
    "float type": ((), "dtype", "float64", "but its step takes F64"),
    "no float type": ((), "dtype", "int32", "has a step in 'int32'"),
    "weightless": (
        ("model", "modules", "parts", 0, "modules"),
        "cell",
        {"kind": "recurra.Seen", "config": {"symbols": 10**13}, "modules": {}},
        "has a tensor that its description does not",
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_description_that_the_tensors_do_not_bear_out_makes_no_layers(claim, good, tmp_path):
    path, name, value, words = CLAIMS[claim]
    data = with_lie(good, path, name, value, honest=True)

    assert words in refusal(data, tmp_path / "m", torch=True)


def whole(tree, dtype="float32"):
    """A forged file with this tree and no tensors."""
    ours = {"format": "recurra.model", "version": 1, "dtype": dtype, "notes": {}, "model": tree}
    ours["fingerprint"] = recomputed({}, ours, b"")
    return forged({}, ours, b"")


def node(kind, modules=None, **config):
    return {"kind": kind, "config": config, "modules": modules or {}}


def nested(depth):
    tree = node("recurra.Recurrent", {"cell": node("recurra.Seen", symbols=2)})
    for _ in range(depth):
        tree = node("recurra.Residual", {"inside": tree})
    return tree


def test_a_state_of_terabytes_is_refused_without_making_it(tmp_path):
    for kind, size in (("Seen", {"symbols": 10**13}), ("Mean", {"size": 2**40})):
        tree = node("recurra.Recurrent", {"cell": node(f"recurra.{kind}", **size)})
        assert "bytes a row" in refusal(whole(tree), tmp_path / "m")


def test_nesting_is_bounded(tmp_path):
    assert "nested deeper than 32" in refusal(whole(nested(35)), tmp_path / "m")
    assert "nested deeper than 128" in refusal(whole(nested(300)), tmp_path / "m")
    brackets = "[" * 100_000
    assert "cannot be read" in refusal(forged({}, brackets, b""), tmp_path / "m")


def test_the_number_of_modules_is_bounded(tmp_path):
    tree = node("recurra.Stack", {"parts": [node("torch.nn.Tanh")] * 10_001})

    assert "more than 10000 modules" in refusal(whole(tree), tmp_path / "m")


@pytest.mark.parametrize(
    "text", ["", "3", "[]", "null", '{"a": NaN}', "{", '"\\ud800"', "1" * 5000]
)
def test_a_header_that_is_no_json_object_is_refused(text, tmp_path):
    refusal(forged({}, text, b""), tmp_path / "m")


def test_parts_that_do_not_fit_together_are_refused(tmp_path):
    parts = [
        node("recurra.Recurrent", {"cell": node("recurra.Seen", symbols=2)}),
        node("torch.nn.LayerNorm", normalized_shape=[3], eps=1e-5, elementwise_affine=False),
    ]

    message = refusal(whole(node("recurra.Stack", {"parts": parts})), tmp_path / "m")

    assert "its layers do not fit together" in message


def test_an_argument_of_a_wrong_type_is_found_though_nothing_checks_it_when_made(tmp_path):
    parts = [
        node("recurra.Recurrent", {"cell": node("recurra.Seen", symbols=2)}),
        node("torch.nn.LeakyReLU", negative_slope="much"),
    ]

    message = refusal(whole(node("recurra.Stack", {"parts": parts})), tmp_path / "m")

    assert "its layers do not fit together" in message


@given(st.data())
def test_any_value_anywhere_in_a_header_gives_a_model_or_a_refusal(good, tmp_path_factory, data):
    header, ours, rest = parts_of(good)
    place = data.draw(st.sampled_from(sorted(places(ours), key=str)))
    at(ours, *place[:-1])[place[-1]] = data.draw(JSON)
    if "model" in ours and "dtype" in ours:
        ours["fingerprint"] = recomputed(header, ours, rest)
    path = tmp_path_factory.getbasetemp() / "drawn"
    path.write_bytes(forged(header, ours, rest))

    for as_layers in (False, True):
        try:
            load(path, torch=as_layers)
        except ModelFileError as error:  # noqa: PERF203
            assert "\n" not in str(error)  # noqa: PT017


# --- planted faults -------------------------------------------------------------------------------


def test_two_tensors_of_one_shape_that_changed_places_are_noticed(tmp_path):
    layer = Recurrent(cells.Elman(3, 3))
    save(Stack(layer, nn.Linear(3, 3)), tmp_path / "m")
    header, ours, rest = parts_of((tmp_path / "m").read_bytes())
    one, other = "parts.0.cell.input.weight", "parts.0.cell.recurrent.weight"
    swapped = copy.deepcopy(header)
    swapped[one], swapped[other] = header[other], header[one]

    assert "fingerprints differ" in refusal(forged(swapped, ours, rest), tmp_path / "m")


def test_a_wrong_type_of_tensor_is_noticed(good, tmp_path):
    header, ours, rest = parts_of(good)
    name = "parts.1.bias"
    header[name]["dtype"] = "I32"
    ours["fingerprint"] = recomputed(header, ours, rest)

    data = forged(header, ours, rest)

    assert "is I32 (2,), but its step takes F32 (2,)" in refusal(data, tmp_path / "m")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_a_hostile_file_takes_no_memory_to_refuse(good, tmp_path):
    """In a process that may take little more than torch itself does."""
    (tmp_path / "m").write_bytes(
        with_lie(good, (*LSTM, "config"), "hidden_size", 10**5, honest=True)
    )
    code = f"""
import resource, torch, recurra.engine.building
from recurra.streaming import load
from recurra.errors import ModelFileError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
try:
    load({str(tmp_path / "m")!r}, torch=True)
except ModelFileError as error:
    print("refused", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("refused")
    assert "but its description means F32 (400000" in done.stdout
