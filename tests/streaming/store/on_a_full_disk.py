"""Commits until the disk is full, and then goes on. Started by test_full_disk.py, with a folder.

The disk has a few MiB, of which the file "filler" can be given back; or with the word "limit" it is
files that may not grow beyond 1 MiB.
"""

import resource
import sys
from pathlib import Path

from recurra.errors import StoreError
from recurra.streaming.committing import Committer
from recurra.streaming.store import Changes, LmdbStore
from tests.streaming.store.made import a_model, number, value_of


class NoLock:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def main(folder: Path, how: str) -> None:
    def give_space() -> None:
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        else:
            (folder / "filler").unlink()

    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    else:
        (folder / "filler").write_bytes(bytes(3 << 20))
    model, durable, waiting = a_model(64), {}, {}

    store = LmdbStore(folder / "states", model)
    new = {}
    committer = Committer(
        store, lambda: Changes(list(new), list(new.values()), []), NoLock(), None, print
    )
    failures = 0
    for k in range(10_000):
        new = {number(10 * k + i): value_of(k, *[0.5] * 64) for i in range(10)}
        try:
            committer.commit(b"batch %d" % k)
        except StoreError as error:
            print(error)
            failures += 1
            waiting |= new
            assert store.cursor == b"batch %d" % (k - failures)
            assert dict(store.items()) == durable
            assert committer.get_many(list(new)) == list(new.values())
            if failures == 3:
                break
        else:
            durable |= new
    give_space()
    new = {}
    committer.commit()
    durable |= waiting
    assert store.check() == len(durable)
    assert store.cursor == b"batch %d" % k
    assert dict(store.items()) == durable
    committer.close()
    store.close()
    with LmdbStore(folder / "states", model) as store:
        assert dict(store.items()) == durable
    print("nothing is lost")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
