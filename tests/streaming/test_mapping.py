"""A large file is mapped while a model is made of it; the model itself needs the file no more."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from recurra import Recurrent, cells
from recurra.errors import ModelFileError
from recurra.streaming import load, mapping, modelfile, save
from recurra.streaming.tensors import read_layout
from tests.streaming.made import a_model

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    save(a_model(sizes=(3, 64, 2)), tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def mapped(monkeypatch):
    """All files are large."""
    monkeypatch.setattr(mapping, "MAPPED_FROM", 1)


def mappings_of(path):
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line]


def answers(model):
    y, state = model.run(X)
    return [y.tobytes(), *(slot.tobytes() for slot in state.values())]


def test_a_mapped_file_and_one_that_is_read_make_the_same_model(path, monkeypatch):
    read = load(path)
    monkeypatch.setattr(mapping, "MAPPED_FROM", 1)

    assert answers(load(path)) == answers(read)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc")
def test_the_file_is_mapped_while_it_is_read_and_let_go_with_the_model_made(
    path, mapped, monkeypatch
):
    seen, make = [], modelfile._engine

    def watched(*arguments):
        seen.extend(mappings_of(path))
        return make(*arguments)

    monkeypatch.setattr(modelfile, "_engine", watched)
    model = load(path)

    assert len(seen) == 1
    assert mappings_of(path) == []
    model.run(X)


def test_a_mapped_file_is_copied_by_nobody_but_the_engine(tmp_path, monkeypatch):
    save(Recurrent(cells.LSTM(64, 256)), tmp_path / "m")
    size = (tmp_path / "m").stat().st_size

    def most_python_memory():
        load(tmp_path / "m")
        tracemalloc.start()
        load(tmp_path / "m")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert size < most_python_memory() < 1.5 * size
    monkeypatch.setattr(mapping, "MAPPED_FROM", 1)
    assert most_python_memory() < size / 4


@pytest.mark.parametrize("change", ["truncated", "overwritten", "replaced", "deleted"])
def test_a_running_model_does_not_notice_what_becomes_of_its_file(change, path, mapped):
    model = load(path)
    wanted = answers(load(path))

    if change == "truncated":
        os.truncate(path, 0)
    elif change == "overwritten":
        path.write_bytes(b"\xff" * path.stat().st_size)
    elif change == "replaced":
        save(a_model(seed=1, sizes=(3, 64, 2)), path)
    else:
        path.unlink()

    assert answers(model) == wanted
    stream = model.stream()
    assert b"".join(stream.step(x).tobytes() for x in X[1]) == model.run(X[1])[0].tobytes()


def test_a_mapped_file_that_is_written_to_while_it_is_read_is_refused(path, mapped, monkeypatch):
    make = modelfile._engine

    def disturbed(*arguments):
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\0")
        os.utime(path, ns=(0, 0))
        return make(*arguments)

    monkeypatch.setattr(modelfile, "_engine", disturbed)

    with pytest.raises(ModelFileError, match="was written to while it was read"):
        load(path)


# --- the layout -----------------------------------------------------------------------------------

GOOD = safetensors.numpy.save(
    {"a": np.arange(3, dtype=np.int16), "b": np.ones((2, 0), np.float32), "c": np.array(True)},
    {"d": "e"},
)


def safetensors_takes(data):
    try:
        return dict(safetensors.deserialize(data))
    except safetensors.SafetensorError:
        return None


def test_tensors_are_those_that_safetensors_finds_and_views_of_what_was_given():
    data = bytearray(GOOD)
    metadata, tensors = read_layout(memoryview(data))

    assert metadata == {"d": "e"}
    for name, wanted in safetensors_takes(GOOD).items():
        got = tensors[name]
        assert (got.dtype, list(got.shape)) == (wanted["dtype"], wanted["shape"])
        assert bytes(got.data) == wanted["data"]
    data[-1] ^= 1
    assert tensors["c"].data[-1] == data[-1]


changes = st.lists(
    st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from(b'0123456789"[]{},:-aFIU\0\xff')),
    max_size=4,
)


@given(changes, st.integers(0, len(GOOD)) | st.just(len(GOOD)))
def test_whatever_is_taken_safetensors_takes_too(changes, length):
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    data = bytes(data[:length])

    try:
        _, tensors = read_layout(memoryview(data))
    except ValueError:
        return

    theirs = safetensors_takes(data)
    assert theirs is not None
    assert {name: bytes(t.data) for name, t in tensors.items()} == {
        name: bytes(t["data"]) for name, t in theirs.items()
    }


@given(st.binary(max_size=100) | st.just(bytes(8)))
def test_noise_is_no_layout(noise):
    with pytest.raises(ValueError, match="header"):
        read_layout(memoryview(noise))
