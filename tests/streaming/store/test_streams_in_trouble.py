"""What can go wrong around a folder of states, seen from `Streams`."""

import numpy as np
import pytest

import recurra as rc
from recurra.errors import StateError, StoreLockedError
from tests.streaming.made import a_model, loaded
from tests.streaming.store.made import data_of

X = np.ones((1, 3), np.float32)


def test_a_model_file_that_was_replaced_does_not_get_the_states_of_the_former_one(tmp_path):
    with loaded(a_model(seed=0), tmp_path).streams(tmp_path / "states") as streams:
        streams.step(["a"], X)
    before = data_of(tmp_path / "states").read_bytes()

    rc.save(a_model(seed=1), tmp_path / "model.recurra")
    with pytest.raises(StateError, match="made under another model"):
        rc.load(tmp_path / "model.recurra").streams(tmp_path / "states")

    assert data_of(tmp_path / "states").read_bytes() == before
    with loaded(a_model(seed=0), tmp_path).streams(tmp_path / "states") as streams:
        assert "a" in streams


def test_a_clock_set_back_while_nothing_ran_expires_no_key_and_hides_none(tmp_path):
    model = loaded(a_model(), tmp_path)
    alone = model.stream()
    alone.step(X[0])
    with model.streams(tmp_path / "states", ttl=60, clock=lambda: 1e9) as streams:
        streams.step(["a"], X)

    with model.streams(tmp_path / "states", ttl=60, clock=lambda: 1e9 - 86_400) as streams:
        assert streams.step(["a"], X).tobytes() == alone.step(X[0]).tobytes()
        assert streams.last_seen("a") == 1e9


def test_keys_of_64_kib_come_back(tmp_path):
    model, long = loaded(a_model(), tmp_path), "k" * (64 << 10)
    with model.streams(tmp_path / "states", max_keys=1) as streams:
        streams.step([long + "a", long + "b", long + "a"], np.repeat(X, 3, axis=0))

    with model.streams(tmp_path / "states") as streams:
        assert set(streams.keys()) == {long + "a", long + "b"}
        assert (
            streams.state(long + "a")["0.h"].tolist() != streams.state(long + "b")["0.h"].tolist()
        )


def test_a_second_one_is_refused_and_the_first_goes_on(tmp_path):
    model = loaded(a_model(), tmp_path)
    with model.streams(tmp_path / "states") as streams:
        streams.step(["a"], X)
        with pytest.raises(StoreLockedError, match="is in use by this process"):
            model.streams(tmp_path / "states")
        streams.step(["a"], X)
    with model.streams(tmp_path / "states") as streams:
        assert len(streams) == 1
