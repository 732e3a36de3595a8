"""The states of many streams in one file, whole or not at all."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fuzz.sealing import forged, parts_of
from recurra.atomic import write_atomically
from recurra.errors import ModelFileError, StateError
from recurra.streaming import read_states, write_states
from recurra.streaming.statefile import pack_states
from tests.streaming.made import a_model, loaded

KEYS = ["pump-7", "", "é\n\0", "\udcff", "x" * 70_000]


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


@pytest.fixture
def states(model):
    draw = np.random.default_rng(0)
    streams = {key: model.stream() for key in KEYS}
    for stream in streams.values():
        stream.step(draw.normal(size=3))
    return {key: stream.state for key, stream in streams.items()}


def test_every_state_comes_back_under_its_key(model, states, tmp_path):
    write_states(tmp_path / "states", model, states)
    got = read_states(tmp_path / "states", model)

    assert list(got) == KEYS
    for key, state in states.items():
        for name, slot in state.items():
            np.testing.assert_array_equal(got[key][name], slot, strict=True)
        model.stream(got[key]).step([0, 0, 0])


def test_no_states_come_back_as_none(model, tmp_path):
    write_states(tmp_path / "states", model, {})

    assert read_states(tmp_path / "states", model) == {}


def test_a_snapshot_in_a_file_is_the_state_of_the_empty_key(model, tmp_path):
    stream = model.stream()
    stream.step([1, 2, 3])
    (tmp_path / "states").write_bytes(stream.snapshot())

    state = read_states(tmp_path / "states", model)[""]

    np.testing.assert_array_equal(state["0.c"], stream.state["0.c"])


def test_a_file_of_many_streams_is_no_snapshot(model, states, tmp_path):
    write_states(tmp_path / "states", model, states)

    with pytest.raises(StateError, match="holds the states of 5 streams, expected one"):
        model.stream().restore((tmp_path / "states").read_bytes())


def test_states_of_another_model_are_refused(model, states, tmp_path):
    write_states(tmp_path / "states", model, states)

    with pytest.raises(StateError, match="states: was made under another model"):
        read_states(tmp_path / "states", loaded(a_model(seed=1), tmp_path))


def test_a_state_that_does_not_fit_leaves_the_former_file(model, states, tmp_path):
    write_states(tmp_path / "states", model, states)
    before = (tmp_path / "states").read_bytes()

    with pytest.raises(StateError, match=r"expected 0\.h, 0\.c"):
        write_states(tmp_path / "states", model, {"a": {}})

    assert (tmp_path / "states").read_bytes() == before


def test_a_damaged_file_is_refused(model, states, tmp_path):
    write_states(tmp_path / "states", model, states)
    data = (tmp_path / "states").read_bytes()

    for k in (0, 5, 50, 200, len(data) // 2, len(data) - 1):
        for damaged in (data[:k], data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :]):
            (tmp_path / "states").write_bytes(damaged)
            with pytest.raises(ModelFileError, match=r"states: ") as caught:
                read_states(tmp_path / "states", model)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (b'["aa","aa"]', "two states for one key"),
        (b'["aa",    3]', "no list of keys"),
        (b'{"aa":  "b"}', "no list of keys"),
        (b"[[[[[[[[[[[[", "no list of keys"),
        (b'["aa", "", 0', "no list of keys"),
    ],
)
def test_forged_keys_are_refused(model, keys, words, tmp_path):
    states = {"aa": model.stream().state, "bb": model.stream().state}
    write_states(tmp_path / "states", model, states)
    header, ours, rest = parts_of((tmp_path / "states").read_bytes())
    start, end = header["keys"]["data_offsets"]
    rest = rest[:start] + keys.ljust(end - start)[: end - start] + rest[end:]
    (tmp_path / "states").write_bytes(forged(header, ours, rest))

    with pytest.raises(ModelFileError, match=words):
        read_states(tmp_path / "states", model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header, ours: ours.update(version=2), "is of version 2"),
        (lambda header, ours: ours.update(format="recurra.model"), "expected saved states"),
        (lambda header, ours: header.pop("keys"), "damaged|no list of keys"),
        (lambda header, ours: header.update({"slot.x": header.pop("slot.0.h")}), "other slots"),
        (lambda header, ours: header["slot.0.h"].update(shape=[4, 1]), r"F32 \(4, 1\), expected"),
        (lambda header, ours: header["slot.0.h"].update(dtype="I32"), r"I32 \(1, 4\), expected"),
    ],
)
def test_a_forged_file_is_refused(model, change, words, tmp_path):
    header, ours, rest = parts_of(pack_states(model, {"": model.stream().state}))
    change(header, ours)
    (tmp_path / "states").write_bytes(forged(header, ours, rest))

    with pytest.raises(ModelFileError, match=words):
        read_states(tmp_path / "states", model)


# --- atomic writing -------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_former_file_and_nothing_else(
    gone, error, tmp_path, monkeypatch
):
    (tmp_path / "m").write_bytes(b"former")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, gone, fail)
    with pytest.raises(type(error)) as caught:
        write_atomically(tmp_path / "m", b"new")

    assert list(tmp_path.iterdir()) == [tmp_path / "m"]
    assert (tmp_path / "m").read_bytes() == b"former"
    if isinstance(error, OSError):
        assert str(tmp_path / "m") in str(caught.value)
        assert ".m." not in str(caught.value)


def test_a_process_killed_before_the_rename_leaves_the_former_file(tmp_path):
    (tmp_path / "m").write_bytes(b"former")
    code = (
        "import os, recurra.atomic as atomic\n"
        "os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        f"atomic.write_atomically({str(tmp_path / 'm')!r}, b'new')"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == -9
    assert (tmp_path / "m").read_bytes() == b"former"


def test_a_link_stays_a_link_and_modes_follow_the_umask(tmp_path):
    (tmp_path / "real").write_bytes(b"former")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    plain = tmp_path / "plain"
    plain.touch()

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode == plain.stat().st_mode


def test_a_device_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(tmp_path / "pipe", b"new")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere/m"):
        write_atomically(tmp_path / "nowhere" / "m", b"new")
