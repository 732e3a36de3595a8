"""The committer alone, on a store that can be told to fail or to wait."""

import threading
import time

import pytest

from recurra.errors import StoreError
from recurra.streaming.committing import Committer, check_commit_every
from recurra.streaming.store import Changes
from tests.streaming.store.made import DictStore


class Dirty:
    """States that change, as `Streams` has them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.new: dict[bytes, bytes] = {}
        self.gone: list[bytes] = []
        self.undone: list[Changes] = []

    def collect(self) -> Changes:
        changes = Changes(list(self.new), list(self.new.values()), self.gone)
        self.new, self.gone = {}, []
        return changes


@pytest.fixture
def dirty():
    return Dirty()


@pytest.fixture
def store():
    return DictStore()


@pytest.fixture
def committer(dirty, store, request):
    every = getattr(request, "param", None)
    made = Committer(store, dirty.collect, dirty.lock, every, dirty.undone.append)
    yield made
    store.failing = False
    store.may_go_on.set()
    made.close()


by_batch = pytest.mark.parametrize("committer", ["batch"], indirect=True)
by_time = pytest.mark.parametrize("committer", [5], indirect=True)


def wait_until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it never came")


def test_a_commit_by_hand_writes_what_changed_with_the_position_of_the_last_step(
    committer, dirty, store
):
    dirty.new, dirty.gone = {b"sa": b"1"}, [b"sb"]
    store.values[b"sb"] = b"0"
    committer.after_step(b"line 3")
    assert store.commits == []

    committer.commit()

    assert store.values == {b"sa": b"1"}
    assert committer.cursor == b"line 3"


def test_a_position_given_to_commit_is_the_one_that_counts(committer, store):
    committer.after_step(b"line 3")
    committer.commit(b"line 4")

    assert store.cursor == b"line 4"


@pytest.mark.parametrize("committer", ["batch", 5], indirect=True)
def test_a_position_comes_with_the_step_where_the_states_may_be_written_before_it(committer):
    with pytest.raises(ValueError, match="Give the cursor to step"):
        committer.commit(b"line 4")


def test_nothing_to_write_is_no_commit(committer, store):
    committer.commit()
    assert committer.commit(wait=False).result(1) is None

    assert store.commits == []


def test_a_later_commit_without_a_position_keeps_the_former_one(committer, dirty, store):
    committer.commit(b"line 3")
    dirty.new = {b"sa": b"1"}
    committer.commit()

    assert store.cursor == b"line 3"


@by_batch
def test_each_batch_is_durable_when_its_step_returns(committer, dirty, store):
    for k in range(3):
        dirty.new = {b"sa": b"%d" % k}
        committer.after_step(b"line %d" % k)

        assert (store.values[b"sa"], store.cursor) == (b"%d" % k, b"line %d" % k)


@by_time
def test_a_thread_writes_now_and_then(committer, dirty, store):
    with dirty.lock:
        dirty.new = {b"sa": b"1"}
        committer.after_step(b"line 1")

    wait_until(lambda: store.cursor == b"line 1")

    assert store.values == {b"sa": b"1"}


def test_who_does_not_wait_is_told_later(committer, dirty, store):
    store.may_go_on.clear()
    dirty.new = {b"sa": b"1"}

    future = committer.commit(b"line 1", wait=False)

    assert not future.done()
    store.may_go_on.set()
    assert future.result(10) is None
    assert store.cursor == b"line 1"


def test_commits_that_come_during_another_go_into_the_store_together(committer, dirty, store):
    store.may_go_on.clear()
    dirty.new = {b"sa": b"1"}
    futures = [committer.commit(b"line 1", wait=False)]
    assert store.writing.wait(10)
    for k in (2, 3, 4):
        dirty.new, dirty.gone = {b"sa": b"%d" % k, b"sb": b"0"}, [b"sc"]
        futures.append(committer.commit(b"line %d" % k, wait=False))
    dirty.gone = [b"sb"]
    futures.append(committer.commit(wait=False))

    store.may_go_on.set()
    for future in futures:
        future.result(10)

    assert len(store.commits) == 2
    assert (store.values, store.cursor) == ({b"sa": b"4"}, b"line 4")


def test_what_is_not_yet_written_is_found_as_if_it_were(committer, dirty, store):
    store.values = {b"sa": b"0", b"sb": b"0", b"sd": b"0"}
    store.may_go_on.clear()
    dirty.new, dirty.gone = {b"sa": b"1", b"sc": b"1"}, [b"sb"]
    committer.commit(wait=False)
    assert store.writing.wait(10)
    dirty.new = {b"sa": b"2"}
    committer.commit(wait=False)

    found = committer.get_many([b"sa", b"sb", b"sc", b"sd", b"se"])

    assert found == [b"2", None, b"1", b"0", None]


def test_a_failed_commit_is_raised_and_its_changes_go_with_the_next(committer, dirty, store):
    store.failing = True
    dirty.new = {b"sa": b"1", b"sb": b"1"}
    with pytest.raises(StoreError, match="full"):
        committer.commit(b"line 1")
    assert committer.get_many([b"sa"]) == [b"1"]
    committer.before_step()  # it was told already

    store.failing = False
    dirty.new = {b"sb": b"2"}
    committer.commit()

    assert (store.values, store.cursor) == ({b"sa": b"1", b"sb": b"2"}, b"line 1")


def test_a_failed_commit_is_tried_again_though_nothing_is_new(committer, dirty, store):
    store.failing = True
    dirty.new = {b"sa": b"1"}
    with pytest.raises(StoreError):
        committer.commit()

    store.failing = False
    committer.commit()

    assert store.values == {b"sa": b"1"}


def test_whoever_waits_for_a_failed_commit_hears_of_it(committer, dirty, store):
    store.failing = True
    dirty.new = {b"sa": b"1"}

    with pytest.raises(StoreError, match="full"):
        committer.commit(wait=False).result(10)


@by_time
def test_a_failure_in_the_background_is_raised_once_and_repaired_by_itself(committer, dirty, store):
    store.failing = True
    with dirty.lock:
        dirty.new = {b"sa": b"1"}
        committer.after_step(b"line 1")

    def told():
        with pytest.raises(StoreError, match="full"):
            committer.before_step()
        return True

    wait_until(lambda: committer._failure is not None)
    assert told()
    store.failing = False
    wait_until(lambda: store.cursor == b"line 1")

    assert store.values == {b"sa": b"1"}


@by_batch
def test_a_batch_that_cannot_be_committed_is_undone(committer, dirty, store):
    store.failing = True
    dirty.new = {b"sa": b"1"}
    with pytest.raises(StoreError, match="full"):
        committer.after_step(b"line 1")

    assert [changes.keys for changes in dirty.undone] == [[b"sa"]]
    store.failing = False
    committer.commit()
    assert (store.values, store.cursor) == ({}, None)


def test_close_writes_the_rest_and_may_be_tried_again(committer, dirty, store):
    store.failing = True
    dirty.new = {b"sa": b"1"}
    with pytest.raises(StoreError):
        committer.close()

    store.failing = False
    committer.close()

    assert store.values == {b"sa": b"1"}


def test_the_thread_ends_with_the_committer(dirty, store):
    before = threading.active_count()
    Committer(store, dirty.collect, dirty.lock, 5, dirty.undone.append).close()

    assert threading.active_count() == before


@pytest.mark.parametrize("every", [0, -1, "each", True, float("nan")])
def test_another_time_to_commit_is_refused(every):
    with pytest.raises(ValueError, match="commit_every is"):
        check_commit_every(every)
