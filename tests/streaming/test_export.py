"""States of `Streams` out to a Parquet file and in again, from memory and from a store."""

import numpy as np
import pytest

from recurra.errors import ModelFileError, StateError
from recurra.streaming import moving
from tests.streaming.made import a_model, loaded

KEYS = ["pump-7", b"pump-7", 7, -7, ""]


@pytest.fixture
def model(tmp_path):
    return loaded(a_model(), tmp_path)


def fed(streams, seed=0):
    draw = np.random.default_rng(seed)
    for k in range(3):
        streams.step(KEYS, draw.normal(size=(len(KEYS), 3)), now=100 + k)
    return streams


def same_states(got, wanted):
    assert set(got.keys()) == set(wanted.keys())
    for key in wanted:
        assert got.last_seen(key) == wanted.last_seen(key)
        for name, slot in wanted.state(key).items():
            np.testing.assert_array_equal(got.state(key)[name], slot, strict=True)


def test_states_come_back_and_go_on_with_the_same_bits(model, tmp_path):
    streams = fed(model.streams())
    assert streams.export(tmp_path / "states.parquet") == len(KEYS)

    others = model.streams()
    assert others.import_(tmp_path / "states.parquet") == len(KEYS)

    same_states(others, streams)
    x = np.ones((len(KEYS), 3))
    assert others.step(KEYS, x).tobytes() == streams.step(KEYS, x).tobytes()


def test_states_that_only_the_store_has_are_exported_too(model, tmp_path, monkeypatch):
    monkeypatch.setattr(moving, "GROUP", 2)
    with model.streams(tmp_path / "states", max_keys=2) as streams:
        fed(streams)
        streams.set_state("new", streams.state(7))
        assert streams.export(tmp_path / "states.parquet") == len(KEYS) + 1
        others = model.streams()
        others.import_(tmp_path / "states.parquet")

        same_states(others, streams)


def test_imported_states_are_durable_with_the_batch(model, tmp_path):
    streams = fed(model.streams())
    streams.export(tmp_path / "states.parquet")
    with model.streams(tmp_path / "states", max_keys=3) as others:
        others.step(["pump-7", "mine"], np.ones((2, 3)))
        others.import_(tmp_path / "states.parquet")

    with model.streams(tmp_path / "states") as others:
        assert set(others.keys()) == {*KEYS, "mine"}
        others.forget(["mine"])
        same_states(others, streams)


def test_a_file_that_is_refused_changes_nothing(model, tmp_path):
    streams = fed(model.streams())
    streams.export(tmp_path / "states.parquet")
    other = loaded(a_model(seed=1), tmp_path).streams()
    with pytest.raises(StateError, match="another model"):
        other.import_(tmp_path / "states.parquet")

    data = (tmp_path / "states.parquet").read_bytes()
    (tmp_path / "states.parquet").write_bytes(data[: len(data) // 2])
    fresh = model.streams()
    with pytest.raises(ModelFileError, match="truncated"):
        fresh.import_(tmp_path / "states.parquet")
    assert len(fresh) == len(other) == 0


def test_no_states_are_a_file_too(model, tmp_path):
    assert model.streams().export(tmp_path / "none.parquet") == 0
    assert model.streams().import_(tmp_path / "none.parquet") == 0
