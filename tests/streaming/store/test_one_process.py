"""One process writes, any number look."""

import os
import subprocess
import sys

import pytest

from recurra.errors import (
    StoreError,
    StoreLockedError,
)
from recurra.streaming.store import LmdbStore, environment
from tests.streaming.store.made import A, B, changes, value_of

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
