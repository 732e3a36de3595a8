"""Stores with a past, damage done to their files, and whether they are still what they were."""

import random
import shutil
from pathlib import Path

from recurra.errors import StoreFileError
from recurra.streaming.store import Changes, LmdbStore
from tests.streaming.store.made import a_model, data_of, number, value_of

__all__ = ["CURSOR", "a_store", "after_damage", "goes_on_as_before"]

CURSOR = b"line 77"


def a_store(folder, elements, seed):
    """A store with a past: keys long and short, written over and forgotten; and what is in it."""
    draw, model, values = random.Random(seed), a_model(elements), {}
    with LmdbStore(folder, model) as store:
        for k in range(12):
            keys = {number(draw.randrange(300)) for _ in range(40)}
            keys |= {b"s" + b"k" * draw.choice([1, 400, 70_000]) + b"%d" % draw.randrange(9)}
            gone = draw.sample(sorted(values), min(len(values), 15))
            new = {key: value_of(k, *[draw.random()] * elements) for key in keys - set(gone)}
            store.commit(Changes(list(new), list(new.values()), gone), CURSOR)
            values = {key: value for key, value in (values | new).items() if key not in gone}
    return model, values


def goes_on_as_before(folder, model, values):
    """Whether the states are those from before; where the store is not refused, they have to be."""
    try:
        store = LmdbStore(folder, model)
    except StoreFileError:
        return False
    with store:
        assert dict(store.items()) == values
        assert store.get_many(list(values)) == list(values.values())
        assert (len(store), store.cursor) == (len(values), CURSOR)
        new = value_of(1, *[0.5] * (len(next(iter(values.values()))) // 4 - 2))
        store.commit(Changes([b"snew"], [new], []), b"line 78")
        assert store.check() == len(values | {b"snew": new})
    return True


def after_damage(folder: Path, damaged: bytes, model, values) -> bool:
    """Whether a store of this file goes on as before; False is that it was refused."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    data_of(folder).write_bytes(damaged)
    return goes_on_as_before(folder, model, values)
