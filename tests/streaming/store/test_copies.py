"""Copies without unused pages, in place and elsewhere."""

import pytest

from recurra.errors import (
    StoreError,
)
from recurra.streaming.store import LmdbStore, environment
from recurra.streaming.store.health import check_file
from tests.streaming.store.made import A, changes, data_of, names_in, number, value_of


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
