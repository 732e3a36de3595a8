"""Streams with a store: what leaves memory comes back, what is gone stays gone."""

import numpy as np
import pytest

from recurra.errors import StoreError, UnknownKeyError
from recurra.streaming import Streams
from tests.streaming.keyed import Clock, OneEach, assert_same, bytes_of
from tests.streaming.made import a_model, loaded


class DictStore:
    """A store in memory that can fail."""

    def __init__(self):
        self.values, self.cursor, self.failing = {}, None, False

    def get_many(self, keys):
        if self.failing:
            raise StoreError("the disk is full")
        return [self.values.get(key) for key in keys]

    def commit(self, changes, cursor):
        if self.failing:
            raise StoreError("the disk is full")
        for key, value in zip(changes.keys, changes.values, strict=True):
            self.values[key] = bytes(value)
        for key in changes.forgotten:
            self.values.pop(key, None)
        if cursor is not None:
            self.cursor = cursor

    def items(self):
        return iter(self.values.copy().items())

    def __len__(self):
        return len(self.values)

    def close(self):
        pass


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return loaded(a_model(), tmp_path_factory.mktemp("model"))


def events(count, *, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def test_each_batch_is_in_the_store_when_its_step_returns(model):
    store, oracle = DictStore(), OneEach(model)
    streams = Streams(model, store)

    for seed in range(5):
        keys = np.random.default_rng(seed).integers(0, 9, 20)
        got = streams.step(keys, events(20), cursor=b"%d" % seed)
        assert got.tobytes() == oracle.step(keys.tolist(), events(20)).tobytes()
        assert streams.cursor == b"%d" % seed
        assert_same(Streams(model, store), oracle)


@pytest.mark.parametrize("commit_every", ["batch", 1, None])
def test_keys_that_leave_memory_come_back_from_the_store(model, commit_every):
    oracle = OneEach(model)
    with Streams(model, DictStore(), commit_every=commit_every, max_keys=5) as streams:
        for seed in range(60):
            keys = np.random.default_rng(seed).integers(0, 30, 8)
            got = streams.step(keys, events(8, seed=seed))
            assert got.tobytes() == oracle.step(keys.tolist(), events(8, seed=seed)).tobytes()
            if seed % 7 == 0:
                streams.commit()
                assert_same(streams, oracle)
    assert_same(Streams(model, streams._store), oracle)


def test_only_committed_keys_leave_memory(model):
    streams = Streams(model, DictStore(), commit_every=None, max_keys=2)
    streams.step(["a", "b", "c", "d"], events(4))
    assert streams.metrics.snapshot()["evicted"] == 0

    streams.commit()
    streams.step(["a"], events(1))

    assert streams.metrics.snapshot()["evicted"] == 2
    assert sorted(streams) == ["a", "b", "c", "d"]


def test_a_batch_that_cannot_be_committed_has_changed_nothing(model):
    store, oracle = DictStore(), OneEach(model)
    streams = Streams(model, store)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))
    calls = [
        lambda: streams.step(["a", "n"], events(2), cursor=b"9"),
        lambda: streams.step(["a"], events(1), cursor=b"9"),
        lambda: streams.set_state("a", model.stream().state),
        lambda: streams.fork("a", "n"),
        lambda: streams.reset(["a"]),
        lambda: streams.forget(["a"]),
    ]

    for call in calls:
        store.failing = True
        with pytest.raises(StoreError, match="the disk is full"):
            call()
        store.failing = False
        assert_same(streams, oracle)

    assert streams.cursor is None
    got = streams.step(["a", "n"], events(2), cursor=b"9")
    assert got.tobytes() == oracle.step(["a", "n"], events(2)).tobytes()
    assert streams.cursor == b"9"


def test_a_store_that_cannot_be_read_stops_the_step_before_it_changes_anything(model):
    store, oracle = DictStore(), OneEach(model)
    streams = Streams(model, store, commit_every=None)
    for each in (streams, oracle):
        each.step(["a", "b"], events(2))
    store.failing = True

    with pytest.raises(StoreError, match="the disk is full"):
        streams.step(["a", "n"], events(2))
    store.failing = False

    assert_same(streams, oracle)


@pytest.mark.parametrize("commit_every", ["batch", None])
def test_a_forgotten_key_starts_again_before_the_commit_and_after_it(model, commit_every):
    store, oracle = DictStore(), OneEach(model)
    streams = Streams(model, store, commit_every=commit_every)
    for each in (streams, oracle):
        each.step(["a", "b", "c"], events(3))
    streams.commit()

    for each in (streams, oracle):
        each.forget(["a", "b"])
    assert "a" not in streams
    with pytest.raises(UnknownKeyError):
        streams.state("a")
    assert_same(streams, oracle)
    got = streams.step(["b"], events(1))
    assert got.tobytes() == oracle.step(["b"], events(1)).tobytes()
    assert_same(streams, oracle)
    streams.commit()

    assert_same(streams, oracle)
    assert_same(Streams(model, store), oracle)


def test_a_key_in_the_store_only_is_reset_and_forked(model):
    store, oracle = DictStore(), OneEach(model)
    for each in (Streams(model, store), oracle):
        each.step(["a", "b", "c"], events(3))

    streams = Streams(model, store)
    for each in (streams, oracle):
        each.fork("a", "d")
        each.reset(["b", "never"])

    assert bytes_of(streams.state("c")) == bytes_of(oracle.state("c"))
    assert_same(streams, oracle)


def test_what_has_expired_is_not_taken_from_the_store(model):
    store, clock = DictStore(), Clock(100)
    Streams(model, store, clock=clock).step(["a", "b"], events(2))
    clock.now = 105
    Streams(model, store, clock=clock).step(["b"], events(1))
    clock.now = 111
    streams = Streams(model, store, ttl=10, clock=clock)

    assert list(streams) == ["b"]
    assert "a" not in streams
    assert streams.last_seen("b") == 105
    got = streams.step(["a"], events(1))
    assert got.tobytes() == model.stream().steps(events(1)).tobytes()


def test_time_is_not_before_what_the_store_has_seen(model):
    store = DictStore()
    Streams(model, store, clock=Clock(100)).step(["a"], events(1))

    streams = Streams(model, store, clock=Clock(50))
    streams.step(["a"], events(1))

    assert streams.last_seen("a") == 100


def test_commits_by_hand_write_the_position_of_the_last_step_or_another(model):
    store = DictStore()
    streams = Streams(model, store, commit_every=None)
    streams.step(["a"], events(1), cursor=b"1")
    streams.step(["a"], events(1), cursor=b"2")
    assert (streams.cursor, len(store)) == (None, 0)

    streams.commit()
    assert (streams.cursor, len(store)) == (b"2", 1)
    streams.commit(b"3", wait=False).result(10)
    assert streams.cursor == b"3"
    streams.step(["b"], events(1), cursor=b"4")
    streams.close()
    streams.close()
    assert (store.cursor, len(store)) == (b"4", 2)


def test_closed_streams_change_nothing_more(model):
    streams = Streams(model, DictStore())
    streams.step(["a"], events(1))
    streams.close()

    for call in (
        lambda: streams.step(["a"], events(1)),
        lambda: streams.fork("a", "b"),
        lambda: streams.forget(["a"]),
    ):
        with pytest.raises(StoreError, match="they are closed"):
            call()


def test_states_in_a_folder_outlive_their_streams(model, tmp_path):
    pytest.importorskip("lmdb")
    oracle = OneEach(model)

    for seed in range(3):
        with model.streams(tmp_path / "states", max_keys=4) as streams:
            assert_same(streams, oracle)
            for each in (streams, oracle):
                each.step(["a", b"a", 7, "x" * 70_000, "b"], events(5, seed=seed))
    with pytest.raises(ValueError, match="max_keys is 0"):
        model.streams(tmp_path / "states", max_keys=0)

    model.streams(tmp_path / "states").close()
