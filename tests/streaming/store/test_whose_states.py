"""A store is one model's, and nobody else's folder."""

import json
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from recurra.engine import Slot
from recurra.errors import (
    MissingExtraError,
    StateError,
    StoreFileError,
)
from recurra.streaming.store import LmdbStore, StoreLayout
from recurra.streaming.store.records import ABOUT, sealed, sign
from tests.streaming.store.made import a_model, data_of, names_in


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
