"""States in a folder: a plain dict is the oracle."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.engine import Slot
from recurra.errors import (
    MissingExtraError,
    StateError,
    StoreError,
    StoreFileError,
    StoreLockedError,
)
from recurra.streaming.store import Changes, LmdbStore, StoreLayout, environment
from recurra.streaming.store.health import check_file
from recurra.streaming.store.records import ABOUT, sealed, sign, stored_key
from tests.streaming.store.made import a_model, data_of, number, value_of

A, B, C = number(1), b"spump-7", b"b\0\xff"


@pytest.fixture
def model():
    return a_model()


@pytest.fixture
def store(tmp_path, model):
    with LmdbStore(tmp_path / "states", model) as store:
        yield store


def changes(written=(), gone=(), expired_before=None):
    written = dict(written)
    return Changes(list(written), list(written.values()), list(gone), expired_before)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


# --- reading and writing --------------------------------------------------------------------


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


# --- keys that expire ----------------------------------------------------------------------


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


# --- whose states they are -----------------------------------------------------------------


def test_the_states_of_another_model_are_refused(tmp_path, model, store):
    store.close()

    with pytest.raises(StateError, match=r"another model, whose fingerprint begins with 'ffff"):
        LmdbStore(tmp_path / "states", a_model(fingerprint="e" * 64))
    with LmdbStore(tmp_path / "states", model):
        pass


def test_slots_that_the_fingerprint_does_not_explain_are_refused(tmp_path, store):
    store.close()

    with pytest.raises(StoreFileError, match="other slots than its model has"):
        LmdbStore(tmp_path / "states", a_model(5))


def test_a_store_says_whose_states_it_holds(tmp_path, store):
    store.close()

    with LmdbStore(tmp_path / "states", readonly=True) as store:
        assert store.layout == StoreLayout("f" * 64, {"0.h": Slot((4,), np.dtype("float32"))})


def rewritten(folder: Path, about: bytes) -> None:
    with lmdb.open(str(folder)) as env:
        for _ in range(2):
            with env.begin(write=True) as txn:
                txn.put(ABOUT, sealed(ABOUT, about))
                sign(txn)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, r"is of version 2, and this recurra reads up to 1\. Update it"),
        ({"version": "1"}, "has version '1', expected 1"),
        ({"format": "other"}, "says that it is 'other', expected 'recurra.store'"),
        ({"slots": [["h", [4], "object"]]}, "does not say whose states it holds"),
        ({"slots": [["h", [-4], "float32"]]}, "does not say whose states it holds"),
        ({"slots": 3}, "does not say whose states it holds"),
        ({"fingerprint": 3}, "does not say whose states it holds"),
    ],
)
def test_a_store_that_says_something_else_is_refused(tmp_path, store, model, change, message):
    store.close()
    said = json.loads(StoreLayout.of(model).as_json())
    rewritten(tmp_path / "states", json.dumps(said | change).encode())

    with pytest.raises(StoreFileError, match=message):
        LmdbStore(tmp_path / "states", model)


@pytest.mark.parametrize("about", [b"[]", b"\xff", b"[" * 100_000])
def test_a_store_that_says_nothing_is_refused(tmp_path, store, model, about):
    store.close()
    rewritten(tmp_path / "states", about)

    with pytest.raises(StoreFileError, match="does not say whose states it holds"):
        LmdbStore(tmp_path / "states", model)


def test_somebody_elses_database_is_refused(tmp_path, model):
    with lmdb.open(str(tmp_path / "theirs")) as env, env.begin(write=True) as txn:
        txn.put(b"key", sealed(b"key", b"value"))

    with pytest.raises(StoreFileError, match="it holds no states of recurra"):
        LmdbStore(tmp_path / "theirs", model)


def test_folders_that_are_no_stores_are_refused_and_left_alone(tmp_path, model):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreFileError, match=r"it has no data\.mdb, but other files, such as cat"):
        LmdbStore(tmp_path / "photos", model)
    with pytest.raises(StoreFileError, match="is a file"):
        LmdbStore(tmp_path / "file", model)
    with pytest.raises(StoreFileError, match="there is no folder"):
        LmdbStore(tmp_path / "not" / "there", model)
    with pytest.raises(StoreFileError, match="there is no folder"):
        LmdbStore(tmp_path / "nowhere", readonly=True)
    assert names_in(tmp_path / "photos") == ["cat.jpg"]


@pytest.mark.parametrize("leftover", [[], ["recurra.lock"], ["recurra.lock", ".new.0123/data.mdb"]])
def test_what_a_kill_while_it_was_made_leaves_becomes_a_store(tmp_path, model, leftover):
    (tmp_path / "states").mkdir()
    for name in leftover:
        (tmp_path / "states" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "states" / name).touch()

    with LmdbStore(tmp_path / "states", model) as store:
        assert len(store) == 0
        assert names_in(tmp_path / "states") == ["data.mdb", "lock.mdb", "recurra.lock"]


def test_a_file_cut_to_nothing_is_not_taken_for_a_new_store(tmp_path, model, store):
    store.close()
    data_of(tmp_path / "states").write_bytes(b"")

    with pytest.raises(StoreFileError, match="it is empty"):
        LmdbStore(tmp_path / "states", model)


def test_without_lmdb_the_extra_is_named(tmp_path, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)

    with pytest.raises(MissingExtraError, match=r'pip install "recurra\[streams\]"'):
        LmdbStore(tmp_path / "states", model)


# --- one process at a time -----------------------------------------------------------------

OPEN = """
import sys
from recurra.streaming.store import LmdbStore
from tests.streaming.store.made import a_model
store = LmdbStore(sys.argv[1], a_model(), readonly=sys.argv[2] == "readonly")
print(store.cursor, len(store), flush=True)
sys.stdin.read(1)
"""


def in_another_process(folder, mode):
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(folder), mode],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_second_process_is_told_who_has_the_store(tmp_path, model):
    LmdbStore(tmp_path / "states", model).close()
    with in_another_process(tmp_path / "states", "write") as other:
        assert other.stdout.readline() == "None 0\n"

        with pytest.raises(StoreLockedError, match=rf"is in use by process {other.pid}, and"):
            LmdbStore(tmp_path / "states", model)
        other.kill()
    with LmdbStore(tmp_path / "states", model):  # a killed process holds nothing
        pass


def test_a_second_one_in_this_process_is_told_so(tmp_path, model, store):
    with pytest.raises(StoreLockedError, match="is in use by this process"):
        LmdbStore(tmp_path / "states", model)
    with pytest.raises(StoreLockedError, match=rf"is open in this process \(number {os.getpid()}"):
        LmdbStore(tmp_path / "states", readonly=True)


def test_others_may_look_at_it_meanwhile(tmp_path, store):
    store.commit(changes({A: value_of(1, *range(4))}), b"line 1")

    with in_another_process(tmp_path / "states", "readonly") as other:
        assert other.communicate("\n")[0] == "b'line 1' 1\n"
    store.commit(changes({B: value_of(1, *range(4))}), b"line 2")


def test_a_reader_follows_a_map_that_grows(tmp_path, model, monkeypatch):
    monkeypatch.setattr(environment, "SMALLEST_MAP", 1 << 16)
    LmdbStore(tmp_path / "states", model).close()
    grow = """
import sys
from recurra.streaming.store import Changes, LmdbStore
from tests.streaming.store.made import a_model, number, value_of
keys = [number(k) for k in range(20_000)]
with LmdbStore(sys.argv[1], a_model()) as store:
    store.commit(Changes(keys, [value_of(1, *range(4))] * len(keys), []), None)
"""
    with LmdbStore(tmp_path / "states", readonly=True) as reader:
        assert len(reader) == 0
        folder = str(tmp_path / "states")
        subprocess.run([sys.executable, "-c", grow, folder], check=True)

        assert len(reader) == 20_000
        assert len(list(reader.items())) == 20_000


def test_who_only_looks_does_not_write(tmp_path, store):
    store.close()
    with LmdbStore(tmp_path / "states", readonly=True) as reader:
        with pytest.raises(StoreError, match="was opened to look at it only"):
            reader.commit(changes(), b"line 1")
        with pytest.raises(StoreError, match="was opened to look at it only"):
            reader.compact()


def test_a_closed_store_says_so_and_may_be_closed_again(store):
    store.close()
    store.close()

    for use in (lambda: store.get_many([A]), lambda: store.commit(changes(), None), store.check):
        with pytest.raises(StoreError, match="is closed"):
            use()


# --- copies --------------------------------------------------------------------------------


@pytest.fixture
def wasteful(store):
    values = {number(k): value_of(k, *range(4)) for k in range(5000)}
    store.commit(changes(values), b"line 5000")
    store.commit(changes(gone=list(values)[50:]), None)
    return store


def test_compacting_in_place_keeps_everything_and_gives_space_back(tmp_path, model, wasteful):
    data = data_of(tmp_path / "states")
    before, items = data.stat().st_size, dict(wasteful.items())

    wasteful.compact()

    assert data.stat().st_size < before / 5
    assert dict(wasteful.items()) == items
    wasteful.commit(changes({A: value_of(1, *range(4))}), b"line 5001")
    assert names_in(tmp_path / "states") == ["data.mdb", "lock.mdb", "recurra.lock"]
    wasteful.close()
    with LmdbStore(tmp_path / "states", model) as store:
        assert (len(store), store.cursor) == (50, b"line 5001")


def test_compacting_elsewhere_makes_a_store(tmp_path, model, wasteful):
    wasteful.compact(tmp_path / "copy")

    with LmdbStore(tmp_path / "copy", model) as copy:
        assert dict(copy.items()) == dict(wasteful.items())
        assert copy.cursor == b"line 5000"
    assert names_in(tmp_path) == ["copy", "states"]
    with pytest.raises(StoreError, match="there is something already"):
        wasteful.compact(tmp_path / "copy")
    with pytest.raises(StoreError, match="cannot be written"):
        wasteful.compact(tmp_path / "not" / "there")


def test_a_copy_that_fails_leaves_the_store_as_it_was(tmp_path, wasteful, monkeypatch):
    items = dict(wasteful.items())

    def full(self, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(environment.Environment, "copy", full)
    for to in (None, tmp_path / "copy"):
        with pytest.raises(StoreError, match="No space left"):
            wasteful.compact(to)

    assert dict(wasteful.items()) == items
    assert names_in(tmp_path) == ["states"]
    assert names_in(tmp_path / "states") == ["data.mdb", "lock.mdb", "recurra.lock"]
    check_file(data_of(tmp_path / "states"))
