"""States in a folder: a plain dict is the oracle."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.errors import (
    StoreFileError,
)
from recurra.streaming.store import Changes, LmdbStore, environment
from recurra.streaming.store.records import stored_key
from tests.streaming.store.made import A, B, C, a_model, changes, data_of, number, value_of

# --- reading and writing --------------------------------------------------------------------------


def test_what_was_committed_is_there_when_the_store_is_opened_again(tmp_path, model):
    values = {A: value_of(1, 1, 2, 3, 4), B: value_of(2, 5, 6, 7, 8)}
    with LmdbStore(tmp_path / "states", model) as store:
        assert (store.cursor, len(store), dict(store.items())) == (None, 0, {})
        store.commit(changes(values), b"line 2")

    with LmdbStore(tmp_path / "states", model) as store:
        assert (store.cursor, len(store), dict(store.items())) == (b"line 2", 2, values)
        assert store.get_many([C, B, A, B]) == [None, values[B], values[A], values[B]]


def test_forgotten_keys_leave_and_a_commit_without_a_cursor_keeps_it(store):
    store.commit(changes({A: value_of(1, *range(4)), B: value_of(2, *range(4))}), b"line 2")
    store.commit(changes(gone=[A, C]), None)

    assert store.get_many([A, B]) == [None, value_of(2, *range(4))]
    assert (len(store), store.cursor) == (1, b"line 2")


def test_values_may_be_slices_of_one_block(store):
    block = memoryview(value_of(1, *range(4)) + value_of(2, *range(4)))

    store.commit(Changes([A, B], [block[:24], block[24:]], []), None)

    assert store.get_many([A, B]) == [bytes(block[:24]), bytes(block[24:])]


def test_a_value_of_another_size_is_refused_and_nothing_is_written(store):
    with pytest.raises(ValueError, match="has 20 bytes, not 24"):
        store.commit(changes({A: value_of(1, *range(4)), B: value_of(1, *range(3))}), b"line 1")

    assert (len(store), store.cursor) == (0, None)


lengths = st.sampled_from([509, 510, 511, 70_000])
long_keys = st.builds(lambda n, tail: b"b" + n * b"k" + tail, lengths, st.binary(max_size=3))
keys = st.one_of(st.binary(max_size=4).map(lambda key: b"b" + key), long_keys)
commits = st.lists(st.tuples(st.sets(keys, max_size=6), st.sets(keys, max_size=3)), max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(commits=commits, elements=st.sampled_from([0, 4, 1500]))
def test_a_store_is_a_dict_that_outlives_its_process(commits, elements, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("any") / "states", a_model(elements)
    wanted, seen = {}, itertools.count()
    with LmdbStore(folder, model) as store:
        for written, gone in commits:
            new = {key: value_of(next(seen), *[0.5] * elements) for key in written}
            store.commit(changes(new, gone - written), None)
            wanted = {k: v for k, v in (wanted | new).items() if k not in gone - written}

            assert dict(store.items()) == wanted
            assert len(store) == len(wanted)

    with LmdbStore(folder, model) as store:
        assert dict(store.items()) == wanted
        assert store.get_many([*wanted, b"snever"]) == [*wanted.values(), None]
        assert store.check() == len(wanted)


def test_the_map_grows_by_itself(tmp_path, model, monkeypatch):
    monkeypatch.setattr(environment, "SMALLEST_MAP", 1 << 16)
    values = {number(k): value_of(k, *range(4)) for k in range(20_000)}
    with LmdbStore(tmp_path / "states", model) as store:
        before = list(itertools.islice(store.items(), 1))
        store.commit(changes(values), b"all")

        assert before == []
        assert dict(store.items()) == values
        assert data_of(tmp_path / "states").stat().st_size > 1 << 19


def test_keys_of_64_kib_are_kept_whole(store):
    keys = [b"s" + bytes([letter]) * (64 << 10) for letter in b"abc"]
    store.commit(changes({key: value_of(k, *range(4)) for k, key in enumerate(keys)}), None)

    assert store.get_many([keys[2], keys[0] + b"a"]) == [value_of(2, *range(4)), None]
    assert {key for key, _ in store.items()} == set(keys)


def test_two_long_keys_with_one_hash_are_told_apart(store, monkeypatch):
    first, second = b"s" + b"a" * 600, b"s" + b"b" * 600
    store.commit(changes({first: value_of(1, *range(4))}), None)
    short = stored_key(first)
    monkeypatch.setattr("recurra.streaming.store.lmdb_store.stored_key", lambda key: short)

    with pytest.raises(StoreFileError, match="two long keys have one hash"):
        store.get_many([second])


# --- keys that expire -----------------------------------------------------------------------------


def test_expired_keys_leave_the_store_some_at_each_commit(store):
    old = {number(k): value_of(k, *range(4)) for k in range(5000)}
    store.commit(changes(old), None)

    lengths = []
    for _ in range(6):
        store.commit(changes(expired_before=4990), None)
        lengths.append(len(store))

    assert lengths == [4000, 3000, 2000, 1000, 10, 10]
    assert dict(store.items()) == {number(k): old[number(k)] for k in range(4990, 5000)}


def test_a_key_that_the_same_commit_writes_is_not_swept_for_its_old_time(store):
    store.commit(changes({A: value_of(1, *range(4))}), None)
    store.commit(changes({A: value_of(9, *range(4))}, expired_before=5), None)

    assert store.get_many([A]) == [value_of(9, *range(4))]


def test_a_store_of_short_lived_keys_does_not_grow_without_bound(tmp_path, model):
    with LmdbStore(tmp_path / "states", model) as store:
        sizes = []
        for minute in range(20):
            new = {number(5000 * minute + k): value_of(minute, *range(4)) for k in range(5000)}
            store.commit(changes(new, expired_before=minute - 1), None)
            sizes.append((len(store), data_of(tmp_path / "states").stat().st_size))

        lengths, files = zip(*sizes, strict=True)
        assert max(lengths) <= 4 * 5000
        assert files[-1] <= 1.5 * max(files[:10])
